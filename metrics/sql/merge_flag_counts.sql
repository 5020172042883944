-- Adds differences, which may be negative, to the counts of flags. Only one process at a time does so.
INSERT INTO metrics_flag_count AS stored (project_id, day, agent, agent_version, name, spans, traces)
SELECT %(project)s, day, agent, agent_version, name, spans, traces
FROM unnest(
    %(days)s::date[], %(agents)s::text[], %(versions)s::text[], %(names)s::text[], %(spans)s::bigint[],
    %(traces)s::bigint[]
) AS new (day, agent, agent_version, name, spans, traces)
ON CONFLICT (project_id, day, agent, agent_version, name) DO UPDATE
SET spans = stored.spans + excluded.spans, traces = stored.traces + excluded.traces
