INSERT INTO metrics_annotation_item (
    queue_id, trace_id, span_id, state, done_count, reason, rule_id, added_by, created_at
)
SELECT %(queue)s, trace_id, nullif(span_id, ''::bytea), 'waiting', 0, reason, %(rule)s, %(added_by)s, %(now)s
FROM unnest(%(traces)s::bytea[], %(spans)s::bytea[], %(reasons)s::text[]) AS target (trace_id, span_id, reason)
ON CONFLICT DO NOTHING
RETURNING id
