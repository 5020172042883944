-- Errors by type among the spans of a range that failed last, with the last one of each. Agent and environment
-- are chosen among those and not before: few of many failures would otherwise be looked for in all of them.
WITH failed AS MATERIALIZED (
    SELECT agent, environment, error_type, error_message, start_ns, trace_id, span_id
    FROM metrics_span
    WHERE project_id = %(project)s AND status = 'error' AND start_ns >= %(start)s AND start_ns < %(end)s
    ORDER BY start_ns DESC
    LIMIT %(read)s
)
SELECT
    error_type, count(*) AS amount, (array_agg(error_message ORDER BY start_ns DESC))[1], max(start_ns),
    (array_agg(trace_id ORDER BY start_ns DESC))[1], (array_agg(span_id ORDER BY start_ns DESC))[1],
    (SELECT count(*) FROM failed)
FROM failed
WHERE (%(agent)s = '' OR agent = %(agent)s) AND (%(environment)s = '' OR environment = %(environment)s)
GROUP BY error_type
ORDER BY amount DESC, error_type
LIMIT %(most)s
