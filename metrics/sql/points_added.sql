-- What delta points added by group and bin: each evenly over the time that it covers, (start, time], like
-- metrics.points.increase.spread; one without a start lies in the nanosecond that it ends with. Of each series the
-- point after the range is read as well, which may cover the range's end. Stops reading one part behind the most that
-- may be read: the answer is then not used. Numbers too large to be added up are left out; too small ones are 0.
WITH chosen AS (
    SELECT * FROM unnest(%(series)s::bytea[], %(groups)s::integer[]) AS given (series, grp)
), points AS (
    SELECT
        chosen.grp, point.time_ns, least(coalesce(point.start_ns, point.time_ns), point.time_ns - 1) AS begin_ns,
        CASE WHEN abs(point.value) > 1e-280 THEN point.value ELSE 0 END AS value
    FROM chosen
    CROSS JOIN LATERAL (
        SELECT
            time_ns, start_ns,
            CASE %(field)s WHEN 'counted' THEN count::double precision WHEN 'total' THEN total ELSE value END AS value
        FROM (
            (
                SELECT * FROM metrics_point
                WHERE project_id = %(project)s AND name = %(name)s AND series = chosen.series
                  AND time_ns > %(start_ns)s AND time_ns <= %(end_ns)s
            )
            UNION ALL
            (
                SELECT * FROM metrics_point
                WHERE project_id = %(project)s AND name = %(name)s AND series = chosen.series
                  AND time_ns > %(end_ns)s AND time_ns <= %(after_ns)s
                ORDER BY time_ns
                LIMIT 1
            )
        ) AS near
    ) AS point
    WHERE abs(point.value) < %(largest)s
), parts AS (
    SELECT
        points.grp, bin,
        points.value * (
            least(points.time_ns, %(start_ns)s + (bin + 1) * %(step_ns)s)
            - greatest(points.begin_ns, %(start_ns)s + bin * %(step_ns)s)
        )::double precision / (points.time_ns - points.begin_ns) AS amount
    FROM points
    CROSS JOIN LATERAL generate_series(
        greatest((points.begin_ns - %(start_ns)s) / %(step_ns)s, 0),
        least((points.time_ns - 1 - %(start_ns)s) / %(step_ns)s, %(bins)s - 1)
    ) AS bin
    LIMIT %(most)s + 1
)
SELECT grp, bin, count(*), sum(amount)
FROM parts
GROUP BY grp, bin
