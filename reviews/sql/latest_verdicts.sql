-- The latest verdicts of some reviewers, the newest first, each read out of the index of that person's decisions.
SELECT reviewer.id,
       ARRAY(SELECT decision.verdict
               FROM reviews_decision AS decision
              WHERE decision.project_id = %(project)s
                AND decision.reviewer_id = reviewer.id
                AND decision.withdrawn_at IS NULL
              ORDER BY decision.decided_at DESC
              LIMIT %(limit)s)
  FROM unnest(%(reviewers)s::bigint[]) AS reviewer (id)
