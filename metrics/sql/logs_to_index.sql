-- Log records of some traces that may carry what went into an operation and came out, trace by trace in their order.
SELECT trace_id, span_id, event_name, detail
FROM metrics_log
WHERE project_id = %(project)s AND trace_id = ANY(%(traces)s) AND event_name = ANY(%(names)s)
  AND time_ns BETWEEN %(earliest)s AND %(latest)s
ORDER BY trace_id, time_ns, id
