INSERT INTO metrics_point (
    project_id, name, series, time_ns, start_ns, received_at, kind, temporality, monotonic, unit, value, count, total,
    minimum, maximum, histogram, attributes, service, environment
)
SELECT
    project_id, name, series, time_ns, start_ns, received_at, kind, temporality, monotonic, unit, value, count, total,
    minimum, maximum, histogram, attributes::jsonb, service, environment
FROM stage_point
ON CONFLICT DO NOTHING
