-- The nearest of the latest decisions on an action, read out of the index that carries the vectors, together with the
-- latest on exactly the same arguments however old they are.
WITH latest AS MATERIALIZED (
    SELECT id, (embedding <#> %(vector)s::halfvec) AS distance
      FROM (SELECT id, embedding
              FROM reviews_precedent
             WHERE project_id = %(project)s
               AND action = %(action)s
               AND (%(before)s::timestamptz IS NULL OR decided_at < %(before)s::timestamptz)
             ORDER BY decided_at DESC
             LIMIT %(searched)s) AS recent
),
nearest AS (
    (SELECT id FROM latest ORDER BY distance, id DESC LIMIT %(nearest)s)
    UNION
    (SELECT id
       FROM reviews_precedent
      WHERE project_id = %(project)s
        AND action = %(action)s
        AND fingerprint = %(fingerprint)s
        AND (%(before)s::timestamptz IS NULL OR decided_at < %(before)s::timestamptz)
      ORDER BY decided_at DESC
      LIMIT %(nearest)s)
)
SELECT approval_id,
       item_id,
       verdict,
       decided_at,
       fingerprint = %(fingerprint)s AS equal,
       least(greatest(-(embedding <#> %(vector)s::halfvec), 0), 1) AS likeness,
       (SELECT count(*) FROM latest) AS searched
  FROM nearest
  JOIN reviews_precedent USING (id)
 ORDER BY equal DESC, likeness DESC, decided_at DESC
 LIMIT %(nearest)s
