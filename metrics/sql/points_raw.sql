-- Points of series in a range, and before the range the last one of each: what the first one inside is compared with.
WITH chosen AS (
    SELECT * FROM unnest(%(series)s::bytea[], %(groups)s::integer[]) WITH ORDINALITY AS given (series, grp, number)
)
SELECT chosen.number, chosen.grp, point.*
FROM chosen
CROSS JOIN LATERAL (
    (
        SELECT time_ns, start_ns, value, count, total, CASE WHEN %(buckets)s THEN histogram END AS histogram
        FROM metrics_point
        WHERE project_id = %(project)s AND name = %(name)s AND series = chosen.series
          AND time_ns >= %(before_ns)s AND time_ns < %(start_ns)s
        ORDER BY time_ns DESC
        LIMIT 1
    )
    UNION ALL
    (
        SELECT time_ns, start_ns, value, count, total, CASE WHEN %(buckets)s THEN histogram END AS histogram
        FROM metrics_point
        WHERE project_id = %(project)s AND name = %(name)s AND series = chosen.series
          AND time_ns >= %(start_ns)s AND time_ns < %(end_ns)s
    )
) AS point
LIMIT %(most)s + 1
