-- What checks of the text of spans have found: one row per span with any flag. Kept as long as the spans.
CREATE TABLE metrics_flag (
    project_id bigint NOT NULL,
    trace_id bytea NOT NULL,
    span_id bytea NOT NULL,
    start_ns bigint NOT NULL,
    flags jsonb NOT NULL,
    PRIMARY KEY (project_id, trace_id, span_id, start_ns)
) PARTITION BY RANGE (start_ns);

-- How many spans and traces of a day were checked, and how many were flagged, by agent and version. `name` is empty for
-- all that was checked, else a kind of pattern or the id of one.
CREATE TABLE metrics_flag_count (
    project_id bigint NOT NULL,
    day date NOT NULL,
    agent text NOT NULL,
    agent_version text NOT NULL,
    name text NOT NULL,
    spans bigint NOT NULL,
    traces bigint NOT NULL,
    PRIMARY KEY (project_id, day, agent, agent_version, name)
);

-- What a trace adds to metrics_flag_count so far: written anew with its words, the difference goes into the counts.
ALTER TABLE metrics_search ADD COLUMN checked jsonb NOT NULL DEFAULT '[]';
