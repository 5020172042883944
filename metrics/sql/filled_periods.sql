-- The periods of a length that hold rows of a resolution, in order: from one to the next through the key, however many rows each has.
WITH RECURSIVE period (start) AS (
    SELECT (
        SELECT date_bin(%(length)s, start, 'epoch') FROM metrics_rollup
        WHERE project_id = %(project)s AND seconds = %(seconds)s AND start >= %(since)s AND start < %(until)s
        ORDER BY start LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT date_bin(%(length)s, following.start, 'epoch') FROM metrics_rollup AS following
        WHERE following.project_id = %(project)s AND following.seconds = %(seconds)s
          AND following.start >= period.start + %(length)s AND following.start < %(until)s
        ORDER BY following.start LIMIT 1
    )
    FROM period WHERE period.start IS NOT NULL
)
SELECT start FROM period WHERE start IS NOT NULL LIMIT %(limit)s
