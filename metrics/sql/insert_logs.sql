INSERT INTO metrics_log (
    project_id, time_ns, id, received_at, trace_id, span_id, severity, severity_text, event_name, service, environment,
    body, detail
)
SELECT
    project_id, time_ns, id, received_at, trace_id, span_id, severity, severity_text, event_name, service, environment,
    body, detail
FROM stage_log
ON CONFLICT DO NOTHING
