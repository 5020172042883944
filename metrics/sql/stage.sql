-- Where rows to be merged arrive by COPY. The tables belong to the connection and empty themselves with every commit.
CREATE TEMPORARY TABLE IF NOT EXISTS stage_rollup (LIKE metrics_rollup) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS stage_trace (LIKE metrics_trace) ON COMMIT DELETE ROWS;
