-- What was found in the spans of some traces.
SELECT trace_id, span_id, start_ns, flags::text
FROM metrics_flag
WHERE project_id = %(project)s AND trace_id = ANY(%(traces)s) AND start_ns BETWEEN %(earliest)s AND %(latest)s
