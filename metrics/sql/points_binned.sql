-- Levels of points by group and bin. Stops reading one point behind the most that may be read: the answer is then not
-- used. The last value is taken per series and added up. Numbers too large to be added up are left out.
WITH chosen AS (
    SELECT * FROM unnest(%(series)s::bytea[], %(groups)s::integer[]) WITH ORDINALITY AS given (series, grp, number)
), points AS (
    SELECT chosen.grp, chosen.number, (point.time_ns - %(start_ns)s) / %(step_ns)s AS bin, point.time_ns, point.value
    FROM chosen
    CROSS JOIN LATERAL (
        SELECT time_ns, CASE WHEN abs(value) < %(largest)s THEN value END AS value
        FROM metrics_point
        WHERE project_id = %(project)s AND name = %(name)s AND series = chosen.series
          AND time_ns >= %(start_ns)s AND time_ns < %(end_ns)s
    ) AS point
    LIMIT %(most)s + 1
), by_series AS (
    SELECT
        grp, number, bin, count(*) AS points, count(value) AS values, sum(value) AS sum, min(value) AS min,
        max(value) AS max, (array_agg(value ORDER BY time_ns DESC) FILTER (WHERE value IS NOT NULL))[1] AS last
    FROM points
    GROUP BY grp, number, bin
)
SELECT
    grp, bin, sum(points)::bigint, sum(values)::bigint, sum(sum), min(min), max(max), sum(last), count(last)
FROM by_series
GROUP BY grp, bin
