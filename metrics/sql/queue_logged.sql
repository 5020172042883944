-- Traces whose inputs or outputs came as log records: their spans may have been read into the text index already.
INSERT INTO metrics_unindexed (project_id, trace_id, span_id, start_ns, queued_at)
SELECT DISTINCT ON (project_id, trace_id) project_id, trace_id, span_id, time_ns, received_at
FROM stage_log
WHERE trace_id IS NOT NULL AND span_id IS NOT NULL AND event_name = ANY(%(content)s)
