-- A staging table per connection; emptied here as well, because a test's transaction may hold several batches.
CREATE TEMPORARY TABLE IF NOT EXISTS stage_log (LIKE metrics_log) ON COMMIT DELETE ROWS;
DELETE FROM stage_log
