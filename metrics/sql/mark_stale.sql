-- Marks the periods that these minutes lie in, of every resolution that is compacted beyond them, and the spend of days.
-- Returns how many marks somebody else made or took away meanwhile: those must be tried again.
-- A mark that is there already is locked until this transaction ends, so that it cannot be taken before what it stands
-- for is visible. In key order, so that two who mark never wait for each other in a circle.
WITH wanted AS MATERIALIZED (
    SELECT tier.seconds, to_timestamp(minute - minute %% tier.seconds) AS start
    FROM metrics_rollup_state AS tier, unnest(%(minutes)s::bigint[]) AS minute
    WHERE tier.project_id = %(project)s AND to_timestamp(minute) < tier.compacted_until
    UNION
    SELECT 0, to_timestamp(minute - minute %% 86400) FROM unnest(%(minutes)s::bigint[]) AS minute
    UNION
    SELECT 0, to_timestamp(moment - moment %% 86400) FROM unnest(%(trace_starts)s::bigint[]) AS moment
),
held AS MATERIALIZED (
    SELECT mark.seconds, mark.start
    FROM metrics_rollup_stale AS mark JOIN wanted USING (seconds, start)
    WHERE mark.project_id = %(project)s AND NOT mark.taken
    ORDER BY mark.seconds, mark.start
    FOR KEY SHARE OF mark
),
made AS (
    INSERT INTO metrics_rollup_stale (project_id, seconds, start)
    SELECT %(project)s, seconds, start
    FROM (SELECT * FROM wanted EXCEPT SELECT * FROM held) AS missing
    ORDER BY seconds, start
    ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT (SELECT count(*) FROM wanted) - (SELECT count(*) FROM held) - (SELECT count(*) FROM made)
