COPY metrics_span (
    project_id, trace_id, span_id, start_ns, duration_ns, received_at, parent_span_id, entry, name, kind, status,
    error_type, error_message, model, provider, tool, agent, agent_id, agent_version, session_id, user_id, environment,
    service, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, usage_counted,
    cost_nanos, reported_cost_nanos, cost_source, price_version, finish_reason, ttft_ns, streaming, prompt_name,
    prompt_version, detail
) FROM STDIN (FORMAT BINARY)
