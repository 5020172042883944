DROP TABLE metrics_unindexed;
ALTER TABLE metrics_trace DROP COLUMN facets, DROP COLUMN error_types, DROP COLUMN team;
ALTER TABLE metrics_span DROP COLUMN noise, DROP COLUMN agent_stated;
DROP TABLE metrics_rollup_stale;
DROP TABLE metrics_rollup_state;

-- Minutes only, statuses added up.
CREATE TEMPORARY TABLE merged ON COMMIT DROP AS
SELECT
    project_id, start, entry, kind, name, agent, agent_version, environment, model, provider,
    sum(span_count)::bigint AS span_count, sum(error_count)::bigint AS error_count,
    sum(unpriced_count)::bigint AS unpriced_count, sum(input_tokens)::bigint AS input_tokens,
    sum(output_tokens)::bigint AS output_tokens, sum(cache_read_tokens)::bigint AS cache_read_tokens,
    sum(cache_write_tokens)::bigint AS cache_write_tokens, sum(reasoning_tokens)::bigint AS reasoning_tokens,
    sum(cost_nanos)::bigint AS cost_nanos, sum(duration_sum_ns) AS duration_sum_ns,
    metrics_histogram_sum(histogram) AS histogram
FROM metrics_rollup
WHERE seconds = 60
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10;
DELETE FROM metrics_rollup;
ALTER TABLE metrics_rollup
    DROP CONSTRAINT metrics_rollup_pkey,
    DROP COLUMN status,
    DROP COLUMN seconds,
    ADD PRIMARY KEY (project_id, start, entry, kind, name, agent, agent_version, environment, model, provider);
INSERT INTO metrics_rollup (
    project_id, start, entry, kind, name, agent, agent_version, environment, model, provider, span_count, error_count,
    unpriced_count, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_nanos,
    duration_sum_ns, histogram
)
SELECT
    project_id, start, entry, kind, name, agent, agent_version, environment, model, provider, span_count, error_count,
    unpriced_count, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_nanos,
    duration_sum_ns, histogram
FROM merged;
ALTER TABLE metrics_rollup RENAME COLUMN start TO minute;

DROP AGGREGATE metrics_histogram_sum(integer[]);
DROP FUNCTION metrics_histogram_normal(integer[]);
