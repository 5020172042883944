-- What sessions, logs and metrics are found by.

-- The summary of a session, made from those of its traces (metrics.services.sessions), so that a list of sessions need
-- not read all traces.
CREATE TABLE metrics_session (
    project_id bigint NOT NULL,
    session_id text NOT NULL,
    first_ns bigint NOT NULL,
    last_ns bigint NOT NULL,
    trace_count integer NOT NULL,
    failed_count integer NOT NULL,
    error_count bigint NOT NULL,
    cost_nanos bigint NOT NULL,
    unpriced_count bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    user_id text NOT NULL DEFAULT '',
    environment text NOT NULL DEFAULT '',
    agents text[] NOT NULL DEFAULT '{}',
    models text[] NOT NULL DEFAULT '{}',
    last_trace_id bytea NOT NULL,
    last_name text NOT NULL,
    last_status text NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (project_id, session_id)
) WITH (fillfactor = 80);

CREATE INDEX metrics_session_last ON metrics_session (project_id, last_ns, session_id);
CREATE INDEX metrics_session_user ON metrics_session (project_id, user_id, last_ns, session_id) WHERE user_id <> '';

-- Sessions whose traces changed since their summary was made; one row per batch and session. No key: writers must
-- never wait for each other here.
CREATE TABLE metrics_session_stale (
    project_id bigint NOT NULL,
    session_id text NOT NULL,
    queued_at timestamptz NOT NULL
);

INSERT INTO metrics_session_stale
SELECT DISTINCT project_id, session_id, now() FROM metrics_trace WHERE session_id <> '';

-- The index of traces with sessions, with the order in which a session is read.
DROP INDEX metrics_trace_session;
CREATE INDEX metrics_trace_session ON metrics_trace (project_id, session_id, start_ns, trace_id) WHERE session_id <> '';

-- Every way into the logs yields them in the order in which they are shown, so that a search can stop after so many.
DROP INDEX metrics_log_trace;
CREATE INDEX metrics_log_trace ON metrics_log (project_id, trace_id, time_ns, id) WHERE trace_id IS NOT NULL;
CREATE INDEX metrics_log_errors ON metrics_log (project_id, time_ns, id) WHERE severity >= 17;
CREATE INDEX metrics_log_event ON metrics_log (project_id, event_name, time_ns, id) WHERE event_name <> '';

-- Which metrics and series there are: points grow without bound, these do not (metrics.services.catalogue).
CREATE TABLE metrics_metric (
    project_id bigint NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    temporality text NOT NULL,
    monotonic boolean NOT NULL,
    unit text NOT NULL,
    first_ns bigint NOT NULL,
    last_ns bigint NOT NULL,
    -- When a series was last left out of the catalogue because there were too many; null when never.
    overflow_ns bigint,
    PRIMARY KEY (project_id, name, kind)
);

CREATE TABLE metrics_series (
    project_id bigint NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    series bytea NOT NULL,
    temporality text NOT NULL,
    monotonic boolean NOT NULL,
    unit text NOT NULL,
    attributes jsonb NOT NULL DEFAULT '{}',
    service text NOT NULL DEFAULT '',
    environment text NOT NULL DEFAULT '',
    first_ns bigint NOT NULL,
    last_ns bigint NOT NULL,
    PRIMARY KEY (project_id, name, series)
) WITH (fillfactor = 90);

CREATE INDEX metrics_series_last ON metrics_series (project_id, name, kind, last_ns);

INSERT INTO metrics_series
SELECT DISTINCT ON (project_id, name, series)
    project_id, name, kind, series, temporality, monotonic, unit, attributes, service, environment,
    min(time_ns) OVER same, max(time_ns) OVER same
FROM metrics_point
WINDOW same AS (PARTITION BY project_id, name, series);

INSERT INTO metrics_metric
SELECT DISTINCT ON (project_id, name, kind)
    project_id, name, kind, temporality, monotonic, unit, min(first_ns) OVER same, max(last_ns) OVER same, NULL::bigint
FROM metrics_series
WINDOW same AS (PARTITION BY project_id, name, kind);
