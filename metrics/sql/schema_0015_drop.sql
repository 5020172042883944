ALTER TABLE metrics_search DROP COLUMN checked;
DROP TABLE metrics_flag_count;
DROP TABLE metrics_flag;
