INSERT INTO metrics_session_stale (project_id, session_id, queued_at)
SELECT %(project)s, session_id, now() FROM unnest(%(sessions)s::text[]) AS session_id
