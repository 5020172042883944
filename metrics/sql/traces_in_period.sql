SELECT DISTINCT trace_id
FROM metrics_span
WHERE project_id = %(project)s AND start_ns >= %(start)s AND start_ns < %(end)s
ORDER BY trace_id
