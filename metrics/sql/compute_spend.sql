-- The traces that began on a day, by end user, team and tag. A trace counts for each of its tags, and without any for ''.
WITH trace AS MATERIALIZED (
    SELECT user_id, team, tags, cost_nanos, unpriced_count, input_tokens, output_tokens, cache_read_tokens,
        cache_write_tokens, reasoning_tokens
    FROM metrics_trace
    WHERE project_id = %(project)s AND start_ns >= %(start)s AND start_ns < %(end)s
),
told AS (
    SELECT 'user' AS dimension, user_id AS value, trace.* FROM trace
    UNION ALL
    SELECT 'team', team, trace.* FROM trace
    UNION ALL
    SELECT 'tag', tag, trace.*
    FROM trace CROSS JOIN LATERAL unnest(CASE tags WHEN '{}' THEN ARRAY[''] ELSE tags END) AS tag
),
summed AS (
    SELECT dimension, value, count(*) AS trace_count, sum(cost_nanos) AS cost_nanos,
        sum(unpriced_count) AS unpriced_count, sum(input_tokens) AS input_tokens,
        sum(output_tokens) AS output_tokens, coalesce(sum(cache_read_tokens), 0) AS cache_read_tokens,
        coalesce(sum(cache_write_tokens), 0) AS cache_write_tokens,
        coalesce(sum(reasoning_tokens), 0) AS reasoning_tokens
    FROM told
    GROUP BY dimension, value
),
ranked AS (
    SELECT *, row_number() OVER (
        PARTITION BY dimension ORDER BY value = '' DESC, cost_nanos DESC, input_tokens + output_tokens DESC, value
    ) AS place
    FROM summed
)
INSERT INTO metrics_spend (
    project_id, day, dimension, value, trace_count, cost_nanos, unpriced_count, input_tokens, output_tokens,
    cache_read_tokens, cache_write_tokens, reasoning_tokens, value_count
)
SELECT
    %(project)s, %(day)s, dimension, CASE WHEN place > %(cap)s THEN %(other)s ELSE value END AS shown,
    sum(trace_count), sum(cost_nanos), sum(unpriced_count), sum(input_tokens), sum(output_tokens),
    sum(cache_read_tokens), sum(cache_write_tokens), sum(reasoning_tokens), count(*)
FROM ranked
GROUP BY dimension, shown
