-- A staging table per connection; emptied here as well, because a test's transaction may hold several batches.
CREATE TEMPORARY TABLE IF NOT EXISTS stage_point (
    project_id bigint, name text, series bytea, time_ns bigint, start_ns bigint, received_at timestamptz, kind text,
    temporality text, monotonic boolean, unit text, value double precision, count bigint, total double precision,
    minimum double precision, maximum double precision, histogram bytea, attributes text, service text, environment text
) ON COMMIT DELETE ROWS;
DELETE FROM stage_point
