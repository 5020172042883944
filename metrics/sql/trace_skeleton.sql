-- What counting usage once needs to know of the stored spans of some traces. The bounds prune partitions.
SELECT trace_id, span_id, start_ns, parent_span_id, kind, input_tokens, output_tokens, reported_cost_nanos, usage_counted
FROM metrics_span
WHERE project_id = %(project)s AND trace_id = ANY(%(traces)s) AND start_ns BETWEEN %(earliest)s AND %(latest)s
