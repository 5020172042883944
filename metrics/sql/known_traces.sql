SELECT trace_id, start_ns, end_ns, session_id
FROM metrics_trace
WHERE project_id = %(project)s AND trace_id = ANY(%(traces)s)
