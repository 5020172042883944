DROP TABLE metrics_spend_day;
DROP TABLE metrics_spend;
DROP TABLE metrics_dimension;
