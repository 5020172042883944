-- What a trace needs to know of its stored spans. The bounds prune partitions.
SELECT trace_id, span_id, start_ns, parent_span_id, kind, input_tokens, output_tokens, reported_cost_nanos,
    usage_counted, agent, agent_version, agent_stated
FROM metrics_span
WHERE project_id = %(project)s AND trace_id = ANY(%(traces)s) AND start_ns BETWEEN %(earliest)s AND %(latest)s
