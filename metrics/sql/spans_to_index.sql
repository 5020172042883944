-- All spans of some traces by what they are called, and the packed values of the ones that have just arrived.
SELECT
    trace_id, span_id, start_ns, name, kind, tool, model, provider, agent, service, error_type, error_message,
    finish_reason, agent_version, CASE WHEN span_id = ANY(%(holders)s) THEN detail END
FROM metrics_span
WHERE project_id = %(project)s AND trace_id = ANY(%(traces)s) AND start_ns BETWEEN %(earliest)s AND %(latest)s
