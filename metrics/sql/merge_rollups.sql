-- In key order, so that batches that meet in the same rows never wait for each other in a circle.
INSERT INTO metrics_rollup AS stored (
    project_id, seconds, start, entry, kind, name, agent, agent_version, environment, model, provider, status,
    span_count, error_count, unpriced_count, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,
    reasoning_tokens, cost_nanos, duration_sum_ns, histogram
)
SELECT
    %(project)s, 60, to_timestamp(new.minute), new.entry, new.kind, new.name, new.agent, new.agent_version, new.environment,
    new.model, new.provider, new.status, new.span_count, new.error_count, new.unpriced_count, new.input_tokens, new.output_tokens,
    new.cache_read_tokens, new.cache_write_tokens, new.reasoning_tokens, new.cost_nanos, new.duration_sum_ns,
    new.histogram
FROM json_to_recordset(%(rows)s::json) AS new (
    minute bigint, entry boolean, kind text, name text, agent text, agent_version text, environment text, model text,
    provider text, status text, span_count bigint, error_count bigint, unpriced_count bigint, input_tokens bigint,
    output_tokens bigint, cache_read_tokens bigint, cache_write_tokens bigint, reasoning_tokens bigint,
    cost_nanos bigint, duration_sum_ns numeric, histogram integer[]
)
ORDER BY 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
ON CONFLICT (
    project_id, seconds, start, entry, kind, name, agent, agent_version, environment, model, provider, status
) DO UPDATE SET
    span_count = stored.span_count + excluded.span_count,
    error_count = stored.error_count + excluded.error_count,
    unpriced_count = stored.unpriced_count + excluded.unpriced_count,
    input_tokens = stored.input_tokens + excluded.input_tokens,
    output_tokens = stored.output_tokens + excluded.output_tokens,
    cache_read_tokens = stored.cache_read_tokens + excluded.cache_read_tokens,
    cache_write_tokens = stored.cache_write_tokens + excluded.cache_write_tokens,
    reasoning_tokens = stored.reasoning_tokens + excluded.reasoning_tokens,
    cost_nanos = stored.cost_nanos + excluded.cost_nanos,
    duration_sum_ns = stored.duration_sum_ns + excluded.duration_sum_ns,
    histogram = CASE
        WHEN excluded.histogram = '{}' THEN stored.histogram
        ELSE metrics_histogram_add(stored.histogram, excluded.histogram)
    END
