-- Batches that share a trace take turns; every list comes sorted, and the lists in this order, so that no two batches
-- wait for each other in a circle. A rebuild of a project's rollups waits for all of them and they for it. A
-- transaction about few traces shares the groups and holds its traces alone, one about many holds whole groups alone.
SELECT set_config('synchronous_commit', 'on', true)::text IS NOT NULL
UNION ALL
SELECT pg_advisory_xact_lock_shared(%(rebuild)s, project) IS NULL FROM unnest(%(projects)s::integer[]) AS project
UNION ALL
SELECT pg_advisory_xact_lock_shared(%(groups)s, number) IS NULL FROM unnest(%(shared)s::integer[]) AS number
UNION ALL
SELECT pg_advisory_xact_lock(%(groups)s, number) IS NULL FROM unnest(%(exclusive)s::integer[]) AS number
UNION ALL
SELECT pg_advisory_xact_lock(%(traces)s, number) IS NULL FROM unnest(%(single)s::integer[]) AS number
