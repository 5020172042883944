-- The figures of all spans of a project in a period, as a rollup is made of them.
SELECT start_ns, duration_ns, entry, kind, name, agent, agent_version, environment, model, provider, status,
    input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_nanos, cost_source,
    usage_counted
FROM metrics_span
WHERE project_id = %(project)s AND start_ns >= %(start)s AND start_ns < %(end)s
