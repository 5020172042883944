-- What lists of traces are sorted and filtered by. Each index of a sort ends with the start, so that a time range is
-- judged within the index; sorting by errors needs none for the many traces without (metrics.selectors.trace_scan).
CREATE INDEX metrics_trace_duration ON metrics_trace (project_id, duration_ns, trace_id, start_ns);
CREATE INDEX metrics_trace_cost ON metrics_trace (project_id, cost_nanos, trace_id, start_ns);
CREATE INDEX metrics_trace_tokens ON metrics_trace (project_id, (input_tokens + output_tokens), trace_id, start_ns);
CREATE INDEX metrics_trace_spans ON metrics_trace (project_id, span_count, trace_id, start_ns);
CREATE INDEX metrics_trace_errors ON metrics_trace (project_id, error_count, trace_id, start_ns) WHERE error_count > 0;
CREATE INDEX metrics_trace_user ON metrics_trace (project_id, user_id, start_ns) WHERE user_id <> '';
CREATE INDEX metrics_trace_name ON metrics_trace (project_id, lower(root_name), start_ns);
CREATE INDEX metrics_trace_facets ON metrics_trace USING gin (facets);

-- The text index, made off the hot path and kept for days rather than months: one row per trace, where `start_ns` is
-- that of the trace. `words` are tokens without positions (metrics.search_words), one of which names the project.
CREATE TABLE metrics_search (
    project_id bigint NOT NULL,
    trace_id bytea NOT NULL,
    start_ns bigint NOT NULL,
    words tsvector NOT NULL,
    PRIMARY KEY (project_id, trace_id, start_ns)
) PARTITION BY RANGE (start_ns);
CREATE INDEX metrics_search_words ON metrics_search USING gin (words);

CREATE INDEX metrics_unindexed_queue ON metrics_unindexed (queued_at);
