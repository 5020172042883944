-- The nearest of the latest decisions on other actions whose name consists of the words of this one's and more, or of
-- some of them: refund and process_refund, sendEmail and send-email. The names are found by going through the index
-- from one to the next, not by reading the rows.
WITH RECURSIVE names (action, number) AS (
    (SELECT action, 1 FROM reviews_precedent WHERE project_id = %(project)s ORDER BY action LIMIT 1)
    UNION ALL
    SELECT (SELECT later.action
              FROM reviews_precedent AS later
             WHERE later.project_id = %(project)s AND later.action > names.action
             ORDER BY later.action
             LIMIT 1), number + 1
      FROM names
     WHERE action IS NOT NULL AND number < %(names)s
),
worded AS (
    SELECT action,
           array_remove(
               regexp_split_to_array(lower(regexp_replace(action, '([a-z0-9])([A-Z])', '\1 \2', 'g')), '[^[:alnum:]]+'),
               '') AS words
      FROM names
     WHERE action <> %(action)s
),
related AS (
    SELECT action
      FROM worded
     WHERE words <> '{}' AND (words @> %(words)s::text[] OR words <@ %(words)s::text[])
     ORDER BY abs(cardinality(words) - cardinality(%(words)s::text[])), action
     LIMIT %(related)s
)
SELECT approval_id,
       item_id,
       verdict,
       decided_at,
       fingerprint = %(fingerprint)s AS equal,
       least(greatest(-(embedding <#> %(vector)s::halfvec), 0), 1) AS likeness
  FROM related,
       LATERAL (SELECT *
                  FROM reviews_precedent AS precedent
                 WHERE precedent.project_id = %(project)s
                   AND precedent.action = related.action
                   AND (%(before)s::timestamptz IS NULL OR precedent.decided_at < %(before)s::timestamptz)
                 ORDER BY precedent.decided_at DESC
                 LIMIT %(searched)s) AS recent
 ORDER BY equal DESC, likeness DESC, decided_at DESC
 LIMIT %(nearest)s
