-- Takes sessions out of the queue, the longest waiting first, every row of each. A session of very many traces is made
-- anew once a minute at most: that reads all of its traces.
WITH oldest AS (
    SELECT project_id, session_id
    FROM (SELECT project_id, session_id, queued_at FROM metrics_session_stale ORDER BY queued_at LIMIT %(rows)s) AS queue
    WHERE NOT EXISTS (
        SELECT FROM metrics_session AS large
        WHERE large.project_id = queue.project_id AND large.session_id = queue.session_id
          AND large.trace_count > %(large)s AND large.updated_at > %(not_since)s
    )
    GROUP BY project_id, session_id
    LIMIT %(sessions)s
), taken AS (
    DELETE FROM metrics_session_stale AS stale
    USING oldest
    WHERE stale.project_id = oldest.project_id AND stale.session_id = oldest.session_id
    RETURNING stale.project_id, stale.session_id
)
SELECT project_id, array_agg(DISTINCT session_id) FROM taken GROUP BY project_id
