-- Takes sessions out of the queue, the longest waiting first, with all of their rows among the oldest. A session of very
-- many traces is made anew once a minute at most: that reads all of its traces.
-- The rows are found by place, not by a join of the queue with itself: it is empty as a rule when statistics are made,
-- and a plan for an empty one compares each row with each.
DELETE FROM metrics_session_stale
WHERE ctid = ANY (ARRAY(
    SELECT place
    FROM (
        SELECT place, dense_rank() OVER (ORDER BY since, project_id, session_id) AS turn
        FROM (
            SELECT place, project_id, session_id, min(queued_at) OVER (PARTITION BY project_id, session_id) AS since
            FROM (
                SELECT ctid AS place, project_id, session_id, queued_at FROM metrics_session_stale
                ORDER BY queued_at LIMIT %(rows)s
            ) AS queue
            WHERE NOT EXISTS (
                SELECT FROM metrics_session AS large
                WHERE large.project_id = queue.project_id AND large.session_id = queue.session_id
                  AND large.trace_count > %(large)s AND large.updated_at > %(not_since)s
            )
        ) AS waiting
    ) AS ordered
    WHERE turn <= %(sessions)s
))
RETURNING project_id, session_id
