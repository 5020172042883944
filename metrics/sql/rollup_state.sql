SELECT
    tier.seconds,
    extract(epoch FROM tier.compacted_until)::bigint,
    ARRAY(
        SELECT extract(epoch FROM mark.start)::bigint
        FROM metrics_rollup_stale AS mark
        WHERE mark.project_id = tier.project_id AND mark.seconds = tier.seconds
          AND mark.start >= %(start)s AND mark.start < %(end)s
    )
FROM metrics_rollup_state AS tier
WHERE tier.project_id = %(project)s
