INSERT INTO metrics_masked_count AS stored (project_id, day, kind, count)
SELECT %(project)s, %(day)s, new.kind, new.count
FROM unnest(%(kinds)s::text[], %(counts)s::bigint[]) AS new (kind, count)
ORDER BY new.kind
ON CONFLICT (project_id, day, kind) DO UPDATE SET count = stored.count + excluded.count
