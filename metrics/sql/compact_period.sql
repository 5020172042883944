-- The rows of one period out of parts of finer resolutions. Rows that came to nothing, because their figures moved
-- elsewhere, are left out.
INSERT INTO metrics_rollup (
    project_id, seconds, start, entry, kind, name, agent, agent_version, environment, model, provider, status,
    span_count, error_count, unpriced_count, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,
    reasoning_tokens, cost_nanos, duration_sum_ns, histogram, packed
)
SELECT *, substr(array_send(histogram), 21)
FROM (
    SELECT
        %(project)s, %(seconds)s, to_timestamp(%(start)s), entry, kind, name, agent, agent_version, environment, model,
        provider, status, sum(span_count), sum(error_count), sum(unpriced_count), sum(input_tokens),
        sum(output_tokens), sum(cache_read_tokens), sum(cache_write_tokens), sum(reasoning_tokens), sum(cost_nanos),
        sum(duration_sum_ns), metrics_histogram_sum(histogram) AS histogram
    FROM metrics_rollup
    WHERE project_id = %(project)s AND (/* parts */ false)
    GROUP BY entry, kind, name, agent, agent_version, environment, model, provider, status
    HAVING sum(span_count) <> 0 OR sum(cost_nanos) <> 0 OR sum(input_tokens) <> 0 OR sum(output_tokens) <> 0
        OR sum(cache_read_tokens) <> 0 OR sum(cache_write_tokens) <> 0 OR sum(reasoning_tokens) <> 0
        OR sum(unpriced_count) <> 0
) AS summed
ORDER BY entry, kind, name, agent, agent_version, environment, model, provider, status
