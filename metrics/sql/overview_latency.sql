-- Histograms of requests by slot, as metrics.selectors.rollups.table reads them.
SELECT
    width_bucket(start, %(slots)s::timestamptz[]) - 1 AS slot,
    string_agg(coalesce(packed, substr(array_send(histogram), 21)), ''::bytea)
FROM metrics_rollup
WHERE project_id = %(project)s AND (/* parts */ false) AND entry
  AND (%(agent)s = '' OR agent = %(agent)s) AND (%(environment)s = '' OR environment = %(environment)s)
GROUP BY slot
