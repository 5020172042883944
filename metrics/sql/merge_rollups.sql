-- In key order, so that batches that meet in the same rows never wait for each other in a circle. Histograms are
-- appended to each other, which is cheap; once one has grown long, its buckets are added up. `rollups` is JSON.
INSERT INTO metrics_rollup AS stored (
    project_id, seconds, start, entry, kind, name, agent, agent_version, environment, model, provider, status,
    span_count, error_count, unpriced_count, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,
    reasoning_tokens, cost_nanos, duration_sum_ns, histogram
)
SELECT
    project_id, seconds, start, entry, kind, name, agent, agent_version, environment, model, provider, status,
    span_count, error_count, unpriced_count, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,
    reasoning_tokens, cost_nanos, duration_sum_ns, histogram
FROM json_populate_recordset(NULL::metrics_rollup, %(rollups)s)
ORDER BY project_id, seconds, start, entry, kind, name, agent, agent_version, environment, model, provider, status
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
        WHEN cardinality(stored.histogram) + cardinality(excluded.histogram) <= 512
            THEN stored.histogram || excluded.histogram
        ELSE metrics_histogram_add(stored.histogram, excluded.histogram)
    END
