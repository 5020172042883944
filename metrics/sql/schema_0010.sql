-- Which values a day's rollups tell apart, and what a day cost by whom. Small: at most 1,000 values a day and dimension.

-- The values that have rollup rows of their own; those that came when the day was full are "other" there.
CREATE TABLE metrics_dimension (
    project_id bigint NOT NULL,
    day date NOT NULL,
    dimension text NOT NULL,
    value text NOT NULL,
    PRIMARY KEY (project_id, day, dimension, value)
);

-- The traces that began on a UTC day, by end user, tag and team; a trace counts for each of its tags.
CREATE TABLE metrics_spend (
    project_id bigint NOT NULL,
    day date NOT NULL,
    dimension text NOT NULL,
    value text NOT NULL,
    trace_count bigint NOT NULL DEFAULT 0,
    cost_nanos bigint NOT NULL DEFAULT 0,
    unpriced_count bigint NOT NULL DEFAULT 0,
    input_tokens bigint NOT NULL DEFAULT 0,
    output_tokens bigint NOT NULL DEFAULT 0,
    cache_read_tokens bigint NOT NULL DEFAULT 0,
    cache_write_tokens bigint NOT NULL DEFAULT 0,
    reasoning_tokens bigint NOT NULL DEFAULT 0,
    -- How many values a row for all others stands for.
    value_count integer NOT NULL DEFAULT 1,
    PRIMARY KEY (project_id, day, dimension, value)
);

-- When the spend of a day was last computed and how long that took: a busy day is computed less often.
CREATE TABLE metrics_spend_day (
    project_id bigint NOT NULL,
    day date NOT NULL,
    computed_at timestamptz NOT NULL,
    took_ms integer NOT NULL,
    PRIMARY KEY (project_id, day)
);

-- What array_send says of the histogram, without its header: the longer periods are read far more often than written,
-- and sending an array costs more than all other figures of a row together.
ALTER TABLE metrics_rollup ADD COLUMN packed bytea;
