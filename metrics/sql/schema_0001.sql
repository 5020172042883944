-- The tables of telemetry. Big ones are partitioned by day on demand (metrics.services.partitions) and are made to be
-- distributed: keys contain the distribution and partition columns, no foreign keys, no sequences, no triggers.

CREATE TABLE metrics_span (
    project_id bigint NOT NULL,
    trace_id bytea NOT NULL,
    span_id bytea NOT NULL,
    start_ns bigint NOT NULL,
    duration_ns bigint NOT NULL,
    received_at timestamptz NOT NULL,
    parent_span_id bytea,
    entry boolean NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    status text NOT NULL,
    error_type text NOT NULL DEFAULT '',
    error_message text NOT NULL DEFAULT '',
    model text NOT NULL DEFAULT '',
    provider text NOT NULL DEFAULT '',
    tool text NOT NULL DEFAULT '',
    agent text NOT NULL DEFAULT '',
    agent_id text NOT NULL DEFAULT '',
    agent_version text NOT NULL DEFAULT '',
    session_id text NOT NULL DEFAULT '',
    user_id text NOT NULL DEFAULT '',
    environment text NOT NULL DEFAULT '',
    service text NOT NULL DEFAULT '',
    input_tokens integer,
    output_tokens integer,
    cache_read_tokens integer,
    cache_write_tokens integer,
    reasoning_tokens integer,
    usage_counted boolean NOT NULL DEFAULT false,
    cost_nanos bigint,
    reported_cost_nanos bigint,
    cost_source text NOT NULL DEFAULT '',
    price_version text NOT NULL DEFAULT '',
    finish_reason text NOT NULL DEFAULT '',
    ttft_ns bigint,
    streaming boolean,
    prompt_name text NOT NULL DEFAULT '',
    prompt_version text NOT NULL DEFAULT '',
    -- Compressed by the writer: PostgreSQL must not try again.
    detail bytea STORAGE EXTERNAL NOT NULL,
    PRIMARY KEY (project_id, trace_id, span_id, start_ns)
) PARTITION BY RANGE (start_ns);

CREATE TABLE metrics_log (
    project_id bigint NOT NULL,
    time_ns bigint NOT NULL,
    id bytea NOT NULL,
    received_at timestamptz NOT NULL,
    trace_id bytea,
    span_id bytea,
    severity smallint NOT NULL DEFAULT 0,
    severity_text text NOT NULL DEFAULT '',
    event_name text NOT NULL DEFAULT '',
    service text NOT NULL DEFAULT '',
    environment text NOT NULL DEFAULT '',
    body text NOT NULL DEFAULT '',
    detail bytea STORAGE EXTERNAL NOT NULL,
    PRIMARY KEY (project_id, time_ns, id)
) PARTITION BY RANGE (time_ns);

CREATE INDEX metrics_log_trace ON metrics_log (project_id, trace_id, span_id) WHERE trace_id IS NOT NULL;

CREATE TABLE metrics_point (
    project_id bigint NOT NULL,
    name text NOT NULL,
    series bytea NOT NULL,
    time_ns bigint NOT NULL,
    start_ns bigint,
    received_at timestamptz NOT NULL,
    kind text NOT NULL,
    temporality text NOT NULL DEFAULT '',
    monotonic boolean NOT NULL DEFAULT false,
    unit text NOT NULL DEFAULT '',
    value double precision,
    count bigint,
    total double precision,
    minimum double precision,
    maximum double precision,
    histogram bytea,
    attributes jsonb NOT NULL DEFAULT '{}',
    service text NOT NULL DEFAULT '',
    environment text NOT NULL DEFAULT '',
    PRIMARY KEY (project_id, name, series, time_ns)
) PARTITION BY RANGE (time_ns);

CREATE TABLE metrics_trace (
    project_id bigint NOT NULL,
    trace_id bytea NOT NULL,
    root_name text NOT NULL,
    start_ns bigint NOT NULL,
    end_ns bigint NOT NULL,
    duration_ns bigint NOT NULL,
    status text NOT NULL,
    root_status text NOT NULL DEFAULT '',
    error_count integer NOT NULL DEFAULT 0,
    waiting_count integer NOT NULL DEFAULT 0,
    span_count integer NOT NULL DEFAULT 0,
    agents text[] NOT NULL DEFAULT '{}',
    models text[] NOT NULL DEFAULT '{}',
    tags text[] NOT NULL DEFAULT '{}',
    session_id text NOT NULL DEFAULT '',
    user_id text NOT NULL DEFAULT '',
    environment text NOT NULL DEFAULT '',
    agent_version text NOT NULL DEFAULT '',
    prompt_name text NOT NULL DEFAULT '',
    prompt_version text NOT NULL DEFAULT '',
    metadata jsonb NOT NULL DEFAULT '{}',
    input_tokens bigint NOT NULL DEFAULT 0,
    output_tokens bigint NOT NULL DEFAULT 0,
    cache_read_tokens bigint,
    cache_write_tokens bigint,
    reasoning_tokens bigint,
    cost_nanos bigint NOT NULL DEFAULT 0,
    unpriced_count integer NOT NULL DEFAULT 0,
    has_root boolean NOT NULL DEFAULT false,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (project_id, trace_id)
) WITH (fillfactor = 80);

CREATE INDEX metrics_trace_start ON metrics_trace (project_id, start_ns DESC, trace_id DESC);
CREATE INDEX metrics_trace_session ON metrics_trace (project_id, session_id, start_ns) WHERE session_id <> '';

CREATE TABLE metrics_rollup (
    project_id bigint NOT NULL,
    minute timestamptz NOT NULL,
    entry boolean NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    agent text NOT NULL,
    agent_version text NOT NULL,
    environment text NOT NULL,
    model text NOT NULL,
    provider text NOT NULL,
    span_count bigint NOT NULL DEFAULT 0,
    error_count bigint NOT NULL DEFAULT 0,
    unpriced_count bigint NOT NULL DEFAULT 0,
    input_tokens bigint NOT NULL DEFAULT 0,
    output_tokens bigint NOT NULL DEFAULT 0,
    cache_read_tokens bigint NOT NULL DEFAULT 0,
    cache_write_tokens bigint NOT NULL DEFAULT 0,
    reasoning_tokens bigint NOT NULL DEFAULT 0,
    cost_nanos bigint NOT NULL DEFAULT 0,
    -- numeric, because a thousand spans of a hundred days do not fit a bigint.
    duration_sum_ns numeric(30, 0) NOT NULL DEFAULT 0,
    histogram integer[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (project_id, minute, entry, kind, name, agent, agent_version, environment, model, provider)
) WITH (fillfactor = 70);

-- Adds two histograms of flat sorted pairs [bucket, count, ...]; buckets that come to zero disappear.
CREATE FUNCTION metrics_histogram_add(a integer[], b integer[]) RETURNS integer[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(pair.part ORDER BY merged.bucket, pair.place), '{}')
    FROM (
        SELECT bucket, sum(amount)::integer AS amount
        FROM (
            SELECT a[i] AS bucket, a[i + 1] AS amount FROM generate_series(1, cardinality(a), 2) AS i
            UNION ALL
            SELECT b[i], b[i + 1] FROM generate_series(1, cardinality(b), 2) AS i
        ) AS both_sides
        GROUP BY bucket
        HAVING sum(amount) <> 0
    ) AS merged
    CROSS JOIN LATERAL (VALUES (0, merged.bucket), (1, merged.amount)) AS pair (place, part)
$$;
