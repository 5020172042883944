-- Points of series in a range, (start, end], and of each the last one before it, which the first one inside is compared
-- with, and the next one behind it, which may cover the range's end.
WITH chosen AS (
    SELECT * FROM unnest(%(series)s::bytea[], %(groups)s::integer[]) WITH ORDINALITY AS given (series, grp, number)
)
SELECT chosen.number, chosen.grp, point.*
FROM chosen
CROSS JOIN LATERAL (
    (
        SELECT time_ns, start_ns, value, count, total, minimum, maximum,
            CASE WHEN %(buckets)s THEN histogram END AS histogram
        FROM metrics_point
        WHERE project_id = %(project)s AND name = %(name)s AND series = chosen.series
          AND time_ns > %(before_ns)s AND time_ns <= %(start_ns)s
        ORDER BY time_ns DESC
        LIMIT 1
    )
    UNION ALL
    (
        SELECT time_ns, start_ns, value, count, total, minimum, maximum,
            CASE WHEN %(buckets)s THEN histogram END AS histogram
        FROM metrics_point
        WHERE project_id = %(project)s AND name = %(name)s AND series = chosen.series
          AND time_ns > %(start_ns)s AND time_ns <= %(end_ns)s
    )
    UNION ALL
    (
        SELECT time_ns, start_ns, value, count, total, minimum, maximum,
            CASE WHEN %(buckets)s THEN histogram END AS histogram
        FROM metrics_point
        WHERE project_id = %(project)s AND name = %(name)s AND series = chosen.series
          AND time_ns > %(end_ns)s AND time_ns <= %(after_ns)s
        ORDER BY time_ns
        LIMIT 1
    )
) AS point
LIMIT %(most)s + 1
