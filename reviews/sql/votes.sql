-- The decisions that count of some requests, in their order, with when their reviewers had decided before.
SELECT vote.approval_id, vote.reviewer_id::text, vote.verdict, made.suggestion, made.requested_at, vote.decided_at,
       (SELECT max(earlier.decided_at)
          FROM reviews_decision AS earlier
         WHERE earlier.project_id = vote.project_id AND earlier.reviewer_id = vote.reviewer_id
           AND earlier.decided_at < vote.decided_at),
       NOT EXISTS (
           SELECT FROM reviews_decision AS beside
            WHERE beside.project_id = vote.project_id AND beside.reviewer_id = vote.reviewer_id
              AND beside.decided_at = vote.decided_at AND beside.id <> vote.id),
       length(item.arguments::text)
  FROM reviews_decision AS vote
  JOIN reviews_approval AS made ON made.id = vote.approval_id
  JOIN reviews_approvalitem AS item ON item.id = vote.item_id
 WHERE vote.approval_id = ANY (%(keys)s) AND vote.withdrawn_at IS NULL AND vote.reviewer_id IS NOT NULL
 ORDER BY vote.id
