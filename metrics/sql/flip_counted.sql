-- Spans whose usage joins or leaves the totals because the trace is known better now; returns their figures.
UPDATE metrics_span AS span
SET usage_counted = flip.counted
FROM json_to_recordset(%(flips)s::json) AS flip (trace_id bytea, span_id bytea, start_ns bigint, counted boolean)
WHERE span.project_id = %(project)s
  AND span.trace_id = flip.trace_id
  AND span.span_id = flip.span_id
  AND span.start_ns = flip.start_ns
  AND span.start_ns BETWEEN %(earliest)s AND %(latest)s
RETURNING span.start_ns, span.duration_ns, span.entry, span.kind, span.name, span.agent, span.agent_version,
    span.environment, span.model, span.provider, span.status, span.input_tokens, span.output_tokens,
    span.cache_read_tokens, span.cache_write_tokens, span.reasoning_tokens, span.cost_nanos, span.cost_source,
    span.usage_counted
