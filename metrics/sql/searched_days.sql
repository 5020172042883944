-- The name of the oldest partition of the text index, which ends with its day.
SELECT min(relname::text)
FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
WHERE inhparent = 'metrics_search'::regclass
