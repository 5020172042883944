-- Makes traces findable by the kinds of their flags.
UPDATE metrics_trace AS trace
SET facets = ARRAY(SELECT DISTINCT unnest(trace.facets || new.facets) ORDER BY 1 LIMIT 250)
FROM (
    SELECT trace_id, array_agg(facet) AS facets
    FROM unnest(%(traces)s::bytea[], %(facets)s::bigint[]) AS pair (trace_id, facet)
    GROUP BY trace_id
) AS new
WHERE trace.project_id = %(project)s AND trace.trace_id = new.trace_id
