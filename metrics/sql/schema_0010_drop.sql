ALTER TABLE metrics_rollup DROP COLUMN packed;
DROP TABLE metrics_spend_day;
DROP TABLE metrics_spend;
DROP TABLE metrics_dimension;
