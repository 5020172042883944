DROP FUNCTION metrics_histogram_add(integer[], integer[]);
DROP TABLE metrics_rollup;
DROP TABLE metrics_trace;
DROP TABLE metrics_point;
DROP TABLE metrics_log;
DROP TABLE metrics_span;
