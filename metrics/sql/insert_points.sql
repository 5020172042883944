-- In key order, so that batches that share points never wait for each other in a circle.
INSERT INTO metrics_point (
    project_id, name, series, time_ns, start_ns, received_at, kind, temporality, monotonic, unit, value, count, total,
    minimum, maximum, histogram, attributes, service, environment
)
SELECT
    project_id, name, series, time_ns, start_ns, received_at, kind, temporality, monotonic, unit, value, count, total,
    minimum, maximum, histogram, attributes::jsonb, service, environment
FROM stage_point
ORDER BY project_id, name, series, time_ns
ON CONFLICT DO NOTHING
