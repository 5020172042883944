-- Makes the summaries of sessions anew from those of their traces; who spoke last wins. A session without traces goes.
WITH wanted AS (
    SELECT session_id FROM unnest(%(sessions)s::text[]) AS session_id
), summed AS (
    SELECT
        session_id, min(start_ns) AS first_ns, max(end_ns) AS last_ns, count(*) AS trace_count,
        count(*) FILTER (WHERE status = 'error') AS failed_count, sum(error_count) AS error_count,
        sum(cost_nanos) AS cost_nanos, sum(unpriced_count) AS unpriced_count, sum(input_tokens) AS input_tokens,
        sum(output_tokens) AS output_tokens
    FROM metrics_trace
    WHERE project_id = %(project)s AND session_id = ANY(%(sessions)s) AND session_id <> ''
    GROUP BY session_id
), gone AS (
    DELETE FROM metrics_session AS stored
    USING wanted
    WHERE stored.project_id = %(project)s AND stored.session_id = wanted.session_id
      AND NOT EXISTS (SELECT FROM summed WHERE summed.session_id = wanted.session_id)
)
INSERT INTO metrics_session (
    project_id, session_id, first_ns, last_ns, trace_count, failed_count, error_count, cost_nanos, unpriced_count,
    input_tokens, output_tokens, user_id, environment, agents, models, last_trace_id, last_name, last_status, updated_at
)
SELECT
    %(project)s, summed.session_id, first_ns, last_ns, trace_count, failed_count, error_count, cost_nanos,
    unpriced_count, input_tokens, output_tokens, coalesce(speaker.user_id, ''), coalesce(place.environment, ''),
    coalesce(names.agents, '{}'), coalesce(names.models, '{}'), latest.trace_id, latest.root_name, latest.status,
    %(now)s
FROM summed
CROSS JOIN LATERAL (
    SELECT trace_id, root_name, status FROM metrics_trace AS trace
    WHERE trace.project_id = %(project)s AND trace.session_id = summed.session_id AND trace.session_id <> ''
    ORDER BY start_ns DESC, trace_id DESC
    LIMIT 1
) AS latest
CROSS JOIN LATERAL (
    SELECT
        array_agg(DISTINCT agent ORDER BY agent) FILTER (WHERE agent IS NOT NULL) AS agents,
        array_agg(DISTINCT model ORDER BY model) FILTER (WHERE model IS NOT NULL) AS models
    FROM (
        SELECT agents, models FROM metrics_trace AS trace
        WHERE trace.project_id = %(project)s AND trace.session_id = summed.session_id AND trace.session_id <> ''
        ORDER BY start_ns DESC, trace_id DESC
        LIMIT %(named)s
    ) AS recent
    LEFT JOIN LATERAL unnest(recent.agents) AS agent ON true
    LEFT JOIN LATERAL unnest(recent.models) AS model ON true
) AS names
LEFT JOIN LATERAL (
    SELECT user_id FROM metrics_trace AS trace
    WHERE trace.project_id = %(project)s AND trace.session_id = summed.session_id AND trace.session_id <> ''
      AND trace.user_id <> ''
    ORDER BY start_ns DESC, trace_id DESC
    LIMIT 1
) AS speaker ON true
LEFT JOIN LATERAL (
    SELECT environment FROM metrics_trace AS trace
    WHERE trace.project_id = %(project)s AND trace.session_id = summed.session_id AND trace.session_id <> ''
      AND trace.environment <> ''
    ORDER BY start_ns DESC, trace_id DESC
    LIMIT 1
) AS place ON true
ORDER BY summed.session_id
ON CONFLICT (project_id, session_id) DO UPDATE SET
    first_ns = excluded.first_ns,
    last_ns = excluded.last_ns,
    trace_count = excluded.trace_count,
    failed_count = excluded.failed_count,
    error_count = excluded.error_count,
    cost_nanos = excluded.cost_nanos,
    unpriced_count = excluded.unpriced_count,
    input_tokens = excluded.input_tokens,
    output_tokens = excluded.output_tokens,
    user_id = excluded.user_id,
    environment = excluded.environment,
    agents = excluded.agents,
    models = excluded.models,
    last_trace_id = excluded.last_trace_id,
    last_name = excluded.last_name,
    last_status = excluded.last_status,
    updated_at = excluded.updated_at
