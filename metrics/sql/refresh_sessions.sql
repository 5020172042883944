-- Makes the summaries of sessions anew from those of their traces; who spoke last wins. A session without traces goes.
-- The traces are read once, the latest of each session first, and everything else is made of these.
WITH ranked AS MATERIALIZED (
    SELECT
        session_id, trace_id, start_ns, end_ns, root_name, status, error_count, cost_nanos, unpriced_count, input_tokens,
        output_tokens, user_id, environment, agents, models,
        row_number() OVER (PARTITION BY session_id ORDER BY start_ns DESC, trace_id DESC) AS place
    FROM metrics_trace
    WHERE project_id = %(project)s AND session_id = ANY(%(sessions)s) AND session_id <> ''
), summed AS (
    SELECT
        session_id, min(start_ns) AS first_ns, max(end_ns) AS last_ns, count(*) AS trace_count,
        count(*) FILTER (WHERE status = 'error') AS failed_count, sum(error_count) AS error_count,
        sum(cost_nanos) AS cost_nanos, sum(unpriced_count) AS unpriced_count, sum(input_tokens) AS input_tokens,
        sum(output_tokens) AS output_tokens,
        (array_agg(user_id ORDER BY place) FILTER (WHERE user_id <> ''))[1] AS user_id,
        (array_agg(environment ORDER BY place) FILTER (WHERE environment <> ''))[1] AS environment
    FROM ranked
    GROUP BY session_id
), agents AS (
    SELECT session_id, array_agg(DISTINCT agent ORDER BY agent) AS agents
    FROM ranked, unnest(agents) AS agent
    WHERE place <= %(named)s
    GROUP BY session_id
), models AS (
    SELECT session_id, array_agg(DISTINCT model ORDER BY model) AS models
    FROM ranked, unnest(models) AS model
    WHERE place <= %(named)s
    GROUP BY session_id
), gone AS (
    DELETE FROM metrics_session AS stored
    USING unnest(%(sessions)s::text[]) AS wanted (session_id)
    WHERE stored.project_id = %(project)s AND stored.session_id = wanted.session_id
      AND NOT EXISTS (SELECT FROM summed WHERE summed.session_id = wanted.session_id)
)
INSERT INTO metrics_session (
    project_id, session_id, first_ns, last_ns, trace_count, failed_count, error_count, cost_nanos, unpriced_count,
    input_tokens, output_tokens, user_id, environment, agents, models, last_trace_id, last_name, last_status, updated_at
)
SELECT
    %(project)s, session_id, summed.first_ns, summed.last_ns, trace_count, failed_count, summed.error_count,
    summed.cost_nanos, summed.unpriced_count, summed.input_tokens, summed.output_tokens, coalesce(summed.user_id, ''),
    coalesce(summed.environment, ''), coalesce(agents.agents, '{}'), coalesce(models.models, '{}'), latest.trace_id,
    latest.root_name, latest.status, %(now)s
FROM summed
JOIN ranked AS latest USING (session_id)
LEFT JOIN agents USING (session_id)
LEFT JOIN models USING (session_id)
WHERE latest.place = 1
ORDER BY session_id
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
