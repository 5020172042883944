-- The hours of a part of one UTC day, in hours since 1970, in which a project has spans, or figures that may have none.
-- A longer period counts for the hour in which it begins, as far as that lies in this part.
SELECT start_ns / 3600000000000
FROM metrics_span
WHERE project_id = %(project)s AND start_ns >= %(start_ns)s AND start_ns < %(end_ns)s
UNION
SELECT floor(extract(epoch FROM greatest(start, %(start)s)) / 3600)::bigint
FROM metrics_rollup
WHERE project_id = %(project)s AND seconds = ANY(%(resolutions)s) AND start >= %(day)s AND start < %(end)s
    AND start + make_interval(secs => seconds) > %(start)s
UNION
SELECT floor(extract(epoch FROM %(start)s::timestamptz) / 3600)::bigint
FROM metrics_spend
WHERE project_id = %(project)s AND day = %(day)s AT TIME ZONE 'UTC'
ORDER BY 1
