-- What the text index has yet to read: the spans that hold new packed values, as JSON.
INSERT INTO metrics_unindexed (project_id, trace_id, span_id, start_ns, queued_at)
SELECT %(project)s, trace_id, span_id, start_ns, %(now)s
FROM json_to_recordset(%(holders)s) AS holder (trace_id bytea, span_id bytea, start_ns bigint)
