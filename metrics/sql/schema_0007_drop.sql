DROP INDEX metrics_unindexed_queue;
DROP TABLE metrics_search;
DROP INDEX metrics_trace_duration, metrics_trace_cost, metrics_trace_tokens, metrics_trace_spans, metrics_trace_errors,
    metrics_trace_user, metrics_trace_name, metrics_trace_facets;
