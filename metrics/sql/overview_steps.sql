-- What the requests of agents and the steps inside requests took, each with its histogram.
SELECT
    entry, CASE WHEN entry THEN agent ELSE name END AS name, CASE WHEN entry THEN '' ELSE kind END AS kind,
    sum(span_count), sum(error_count), sum(duration_sum_ns),
    string_agg(coalesce(packed, substr(array_send(histogram), 21)), ''::bytea)
FROM metrics_rollup
WHERE project_id = %(project)s AND (/* parts */ false)
  AND (%(agent)s = '' OR agent = %(agent)s) AND (%(environment)s = '' OR environment = %(environment)s)
GROUP BY 1, 2, 3
