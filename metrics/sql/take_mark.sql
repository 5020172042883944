-- Marks a period as being computed. Waits for those who hold the mark; whoever comes later makes a new one.
WITH gone AS (
    DELETE FROM metrics_rollup_stale
    WHERE project_id = %(project)s AND seconds = %(seconds)s AND start = %(start)s AND NOT taken
    RETURNING project_id, seconds, start
)
INSERT INTO metrics_rollup_stale (project_id, seconds, start, taken)
SELECT project_id, seconds, start, true FROM gone
ON CONFLICT DO NOTHING
