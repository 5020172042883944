-- What is searched of the summaries of some traces, of those that began late enough.
SELECT
    trace_id, start_ns, end_ns, root_name, tags,
    ARRAY[session_id, user_id, environment, agent_version, prompt_name, team] AS named
FROM metrics_trace
WHERE project_id = %(project)s AND trace_id = ANY(%(traces)s) AND start_ns >= %(horizon)s
