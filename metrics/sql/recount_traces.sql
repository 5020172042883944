-- The sums of some traces, computed anew from their spans.
UPDATE metrics_trace AS trace
SET span_count = sums.span_count,
    error_count = sums.error_count,
    waiting_count = sums.waiting_count,
    input_tokens = sums.input_tokens,
    output_tokens = sums.output_tokens,
    cache_read_tokens = sums.cache_read_tokens,
    cache_write_tokens = sums.cache_write_tokens,
    reasoning_tokens = sums.reasoning_tokens,
    cost_nanos = sums.cost_nanos,
    unpriced_count = sums.unpriced_count
FROM (
    SELECT
        trace_id,
        count(*) AS span_count,
        count(*) FILTER (WHERE status = 'error') AS error_count,
        count(*) FILTER (WHERE status = 'waiting') AS waiting_count,
        coalesce(sum(input_tokens) FILTER (WHERE usage_counted), 0) AS input_tokens,
        coalesce(sum(output_tokens) FILTER (WHERE usage_counted), 0) AS output_tokens,
        sum(cache_read_tokens) FILTER (WHERE usage_counted) AS cache_read_tokens,
        sum(cache_write_tokens) FILTER (WHERE usage_counted) AS cache_write_tokens,
        sum(reasoning_tokens) FILTER (WHERE usage_counted) AS reasoning_tokens,
        coalesce(sum(cost_nanos) FILTER (WHERE usage_counted), 0) AS cost_nanos,
        count(*) FILTER (WHERE usage_counted AND cost_source = 'unpriced') AS unpriced_count
    FROM metrics_span
    WHERE project_id = %(project)s AND trace_id = ANY(%(traces)s) AND start_ns BETWEEN %(earliest)s AND %(latest)s
    GROUP BY trace_id
) AS sums
WHERE trace.project_id = %(project)s AND trace.trace_id = sums.trace_id
