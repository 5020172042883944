-- In key order, so that batches that share records never wait for each other in a circle.
INSERT INTO metrics_log (
    project_id, time_ns, id, received_at, trace_id, span_id, severity, severity_text, event_name, service, environment,
    body, detail
)
SELECT
    project_id, time_ns, id, received_at, trace_id, span_id, severity, severity_text, event_name, service, environment,
    body, detail
FROM stage_log
ORDER BY project_id, time_ns, id
ON CONFLICT DO NOTHING
