DROP TABLE metrics_series, metrics_metric, metrics_session_stale, metrics_session;
DROP INDEX metrics_log_event, metrics_log_errors, metrics_log_trace;
CREATE INDEX metrics_log_trace ON metrics_log (project_id, trace_id, span_id) WHERE trace_id IS NOT NULL;
DROP INDEX metrics_trace_session;
CREATE INDEX metrics_trace_session ON metrics_trace (project_id, session_id, start_ns) WHERE session_id <> '';
