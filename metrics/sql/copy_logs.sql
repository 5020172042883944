COPY stage_log (
    project_id, time_ns, id, received_at, trace_id, span_id, severity, severity_text, event_name, service, environment,
    body, detail
) FROM STDIN (FORMAT BINARY)
