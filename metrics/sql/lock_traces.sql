-- Batches that share a trace take turns; the buckets come sorted, so that no two batches wait for each other.
-- A rebuild of the project's rollups waits for all of them and they for it.
SELECT pg_advisory_xact_lock_shared(%(rebuild)s, %(project)s)
UNION ALL
SELECT pg_advisory_xact_lock(%(traces)s, bucket) FROM unnest(%(buckets)s::integer[]) AS bucket
