SELECT trace_id, start_ns, end_ns
FROM metrics_trace
WHERE project_id = %(project)s AND trace_id = ANY(%(traces)s)
