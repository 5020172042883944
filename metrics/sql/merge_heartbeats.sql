INSERT INTO metrics_heartbeat AS stored (project_id, agent, status, components, circuit_breakers, at)
SELECT %(project)s, new.agent, new.status, new.components, new.circuit_breakers, new.at
FROM json_to_recordset(%(rows)s::json) AS new (
    agent text, status text, components jsonb, circuit_breakers jsonb, at timestamptz
)
ON CONFLICT (project_id, agent) DO UPDATE SET
    status = excluded.status,
    components = excluded.components,
    circuit_breakers = excluded.circuit_breakers,
    at = excluded.at
WHERE excluded.at > stored.at
