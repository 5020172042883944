-- Rollups in several resolutions with the status as a dimension, and what traces are found and sorted by.
-- Columns with a constant default: PostgreSQL adds them without rewriting the tables. Rollups are small.

ALTER TABLE metrics_rollup RENAME COLUMN minute TO start;
ALTER TABLE metrics_rollup
    ADD COLUMN seconds integer NOT NULL DEFAULT 60,
    ADD COLUMN status text NOT NULL DEFAULT 'ok',
    DROP CONSTRAINT metrics_rollup_pkey,
    ADD PRIMARY KEY (
        project_id, seconds, start, entry, kind, name, agent, agent_version, environment, model, provider, status
    );
ALTER TABLE metrics_rollup ALTER COLUMN seconds DROP DEFAULT, ALTER COLUMN status DROP DEFAULT;

-- A histogram may hold a bucket more than once: ingest appends, whoever reads or compacts adds up.
CREATE FUNCTION metrics_histogram_normal(histogram integer[]) RETURNS integer[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT metrics_histogram_add(histogram, '{}') $$;
CREATE AGGREGATE metrics_histogram_sum(integer[]) (
    SFUNC = array_cat, STYPE = integer[], INITCOND = '{}', FINALFUNC = metrics_histogram_normal
);

-- Periods of a resolution that began before `compacted_until` have rows of their own, unless they are marked stale.
CREATE TABLE metrics_rollup_state (
    project_id bigint NOT NULL,
    seconds integer NOT NULL,
    compacted_until timestamptz NOT NULL,
    PRIMARY KEY (project_id, seconds)
);

-- Periods whose rows must be computed anew. `taken` by the one who is at it: whoever changes a minute meanwhile marks
-- the period again instead of waiting (metrics.services.compaction). `seconds` 0 stands for the daily spend.
CREATE TABLE metrics_rollup_stale (
    project_id bigint NOT NULL,
    seconds integer NOT NULL,
    start timestamptz NOT NULL,
    taken boolean NOT NULL DEFAULT false,
    PRIMARY KEY (project_id, seconds, start, taken)
);

ALTER TABLE metrics_span
    -- Whether the span names its agent itself; else `agent` is that of the nearest span above that does.
    ADD COLUMN agent_stated boolean NOT NULL DEFAULT true,
    -- A span of an HTTP client or the like below an operation that says the same better.
    ADD COLUMN noise boolean NOT NULL DEFAULT false;

ALTER TABLE metrics_trace
    ADD COLUMN team text NOT NULL DEFAULT '',
    ADD COLUMN error_types text[] NOT NULL DEFAULT '{}',
    -- Digests of "field=value" (metrics.facets), for filters that combine.
    ADD COLUMN facets bigint[] NOT NULL DEFAULT '{}';

-- What the text index has yet to read: one row per packed value, written with its spans.
CREATE TABLE metrics_unindexed (
    project_id bigint NOT NULL,
    trace_id bytea NOT NULL,
    span_id bytea NOT NULL,
    start_ns bigint NOT NULL,
    queued_at timestamptz NOT NULL
);
