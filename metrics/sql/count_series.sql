-- Series per metric, counted up to a limit each.
SELECT metric.name, metric.kind, (
    SELECT count(*) FROM (
        SELECT FROM metrics_series AS series
        WHERE series.project_id = %(project)s AND series.name = metric.name AND series.kind = metric.kind
        LIMIT %(most)s
    ) AS counted
)
FROM unnest(%(names)s::text[], %(kinds)s::text[]) AS metric (name, kind)
