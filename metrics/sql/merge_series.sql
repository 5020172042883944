-- Which series a batch has points of. At most %(most)s of one metric within a day are kept; of the others only the fact
-- that there were more. In key order, so that batches never wait for each other in a circle.
WITH new AS (
    SELECT * FROM json_to_recordset(%(rows)s::json) AS row (
        name text, kind text, series bytea, temporality text, monotonic boolean, unit text, attributes jsonb,
        service text, environment text, first_ns bigint, last_ns bigint
    )
), crowded AS (
    SELECT name, kind, (
        SELECT count(*) FROM (
            SELECT FROM metrics_series AS other
            WHERE other.project_id = %(project)s AND other.name = each.name AND other.kind = each.kind
              AND other.last_ns >= max(each.last_ns) - %(day_ns)s
            LIMIT %(most)s
        ) AS recent
    ) >= %(most)s AS full_up
    FROM new AS each
    GROUP BY name, kind
), kept AS (
    SELECT new.* FROM new JOIN crowded USING (name, kind)
    WHERE NOT full_up OR EXISTS (
        SELECT FROM metrics_series AS known
        WHERE known.project_id = %(project)s AND known.name = new.name AND known.series = new.series
    )
), stored AS (
    INSERT INTO metrics_series AS series (
        project_id, name, kind, series, temporality, monotonic, unit, attributes, service, environment, first_ns,
        last_ns
    )
    SELECT
        %(project)s, name, kind, series, temporality, monotonic, unit, attributes, service, environment, first_ns,
        last_ns
    FROM kept
    ORDER BY name, series
    ON CONFLICT (project_id, name, series) DO UPDATE SET
        first_ns = least(series.first_ns, excluded.first_ns),
        last_ns = greatest(series.last_ns, excluded.last_ns)
    WHERE excluded.last_ns > series.last_ns + %(stale_ns)s OR excluded.first_ns < series.first_ns
)
INSERT INTO metrics_metric AS metric (
    project_id, name, kind, temporality, monotonic, unit, first_ns, last_ns, overflow_ns
)
SELECT
    %(project)s, name, kind, min(temporality), bool_or(monotonic), min(unit), min(first_ns), max(last_ns),
    max(last_ns) FILTER (WHERE NOT EXISTS (
        SELECT FROM kept WHERE kept.name = new.name AND kept.series = new.series
    ))
FROM new
GROUP BY name, kind
ORDER BY name, kind
ON CONFLICT (project_id, name, kind) DO UPDATE SET
    temporality = excluded.temporality,
    monotonic = excluded.monotonic,
    unit = excluded.unit,
    first_ns = least(metric.first_ns, excluded.first_ns),
    last_ns = greatest(metric.last_ns, excluded.last_ns),
    overflow_ns = coalesce(excluded.overflow_ns, metric.overflow_ns)
WHERE excluded.last_ns > metric.last_ns + %(stale_ns)s OR excluded.first_ns < metric.first_ns
   OR excluded.overflow_ns > coalesce(metric.overflow_ns, 0) + %(stale_ns)s
