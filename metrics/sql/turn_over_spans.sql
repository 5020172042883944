-- Spans that stand otherwise because their trace is known better now: their usage joins or leaves the totals, or they
-- turn out to be an agent's. Returns their figures.
UPDATE metrics_span AS span
SET usage_counted = flip.counted, agent = flip.agent, agent_version = flip.agent_version
FROM json_to_recordset(%(flips)s::json) AS flip (
    trace_id bytea, span_id bytea, start_ns bigint, counted boolean, agent text, agent_version text
)
WHERE span.project_id = %(project)s
  AND span.trace_id = flip.trace_id
  AND span.span_id = flip.span_id
  AND span.start_ns = flip.start_ns
  AND span.start_ns BETWEEN %(earliest)s AND %(latest)s
RETURNING span.trace_id, span.span_id, span.start_ns, span.duration_ns, span.entry, span.kind, span.name, span.agent,
    span.agent_version, span.environment, span.model, span.provider, span.status, span.input_tokens,
    span.output_tokens, span.cache_read_tokens, span.cache_write_tokens, span.reasoning_tokens, span.cost_nanos,
    span.cost_source, span.usage_counted
