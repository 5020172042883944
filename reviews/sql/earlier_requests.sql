-- The latest requests of each value of a column that were made before a moment; {column} is filled in by the program.
SELECT asked.value, made.id, made.requested_at, made.status, made.closed_at, made.outcome IS NOT NULL
  FROM unnest(%(values)s::text[]) AS asked (value)
 CROSS JOIN LATERAL (
       SELECT id, requested_at, status, closed_at, outcome
         FROM reviews_approval
        WHERE project_id = %(project)s AND {column} = asked.value AND NOT ({column} = '')
          AND requested_at < %(before)s
        ORDER BY requested_at DESC, id DESC
        LIMIT %(latest)s
       ) AS made
