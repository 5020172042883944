-- The next requests of a project, oldest first and never a part of those of one moment, with their actions.
SELECT made.id, made.requested_at, made.status, made.closed_at, made.verdict, made.decided_by_id IS NOT NULL,
       made.decided_by_label, coalesce(made.outcome->>'status', ''), made.context::text, made.confidence, made.agent,
       made.agent_version, made.session_id, made.trace_id, made.end_user,
       made.flags::text, made.unchecked_chars > 0,
       items.actions, items.arguments, items.approvable
  FROM (SELECT *
          FROM reviews_approval
         WHERE project_id = %(project)s AND requested_at > %(after)s AND requested_at < %(until)s
         ORDER BY requested_at
         FETCH FIRST (%(size)s) ROWS WITH TIES) AS made
 CROSS JOIN LATERAL (
       SELECT array_agg(action ORDER BY index) AS actions,
              array_agg(arguments::text ORDER BY index) AS arguments,
              bool_and('approve' = ANY (allowed_decisions)) AS approvable
         FROM reviews_approvalitem
        WHERE approval_id = made.id) AS items
 ORDER BY made.requested_at, made.id
