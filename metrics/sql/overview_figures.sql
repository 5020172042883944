-- Figures by slot, once by model and once by agent. Slots begin at sorted moments.
SELECT
    width_bucket(start, %(slots)s::timestamptz[]) - 1 AS slot, grouping(agent) = 1 AS by_model, model, agent,
    sum(span_count), sum(span_count) FILTER (WHERE entry), sum(error_count) FILTER (WHERE entry), sum(cost_nanos),
    sum(unpriced_count), sum(input_tokens), sum(output_tokens), sum(cache_read_tokens), sum(cache_write_tokens),
    sum(reasoning_tokens)
FROM metrics_rollup
WHERE project_id = %(project)s AND (/* parts */ false)
  AND (%(agent)s = '' OR agent = %(agent)s) AND (%(environment)s = '' OR environment = %(environment)s)
GROUP BY GROUPING SETS ((slot, model), (slot, agent))
