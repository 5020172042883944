-- The oldest arrivals that the text index has yet to read, taken off the queue for good once this transaction commits.
-- An array is made once: what stands behind IN may be asked for again and again, and take more each time.
DELETE FROM metrics_unindexed
WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM metrics_unindexed
    WHERE queued_at <= %(settled)s
    ORDER BY queued_at
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
))
RETURNING project_id, trace_id, span_id, start_ns
