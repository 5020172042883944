-- What new spans say about traces that have a summary already, merged into it. Roots speak first, then the span that
-- began first, whatever order they arrive in: ranks say who is heard (metrics.ingest.summary), the lowest wins, without
-- one nobody spoke. `traces` are rows of metrics_trace as JSON. Their sessions are noted as changed, and `sessions`: those
-- that the traces were in before.
WITH merged AS (
INSERT INTO metrics_trace AS stored
SELECT * FROM json_populate_recordset(NULL::metrics_trace, %(traces)s)
ORDER BY project_id, trace_id
ON CONFLICT (project_id, trace_id) DO UPDATE SET
    root_name = CASE WHEN excluded.ranks[1] < stored.ranks[1] THEN excluded.root_name ELSE stored.root_name END,
    start_ns = least(stored.start_ns, excluded.start_ns),
    end_ns = greatest(stored.end_ns, excluded.end_ns),
    duration_ns = greatest(stored.end_ns, excluded.end_ns) - least(stored.start_ns, excluded.start_ns),
    status = CASE
        WHEN 'error' IN (stored.root_status, excluded.root_status) THEN 'error'
        WHEN NOT (stored.has_root OR excluded.has_root) AND stored.error_count + excluded.error_count > 0 THEN 'error'
        WHEN stored.waiting_count + excluded.waiting_count > 0 THEN 'waiting'
        ELSE 'ok'
    END,
    root_status = CASE
        WHEN 'error' IN (stored.root_status, excluded.root_status) THEN 'error'
        WHEN 'waiting' IN (stored.root_status, excluded.root_status) THEN 'waiting'
        ELSE coalesce(nullif(excluded.root_status, ''), stored.root_status)
    END,
    error_count = stored.error_count + excluded.error_count,
    waiting_count = stored.waiting_count + excluded.waiting_count,
    span_count = stored.span_count + excluded.span_count,
    agents = CASE
        WHEN stored.agents @> excluded.agents THEN stored.agents
        ELSE ARRAY(SELECT DISTINCT unnest(stored.agents || excluded.agents) ORDER BY 1 LIMIT 50)
    END,
    models = CASE
        WHEN stored.models @> excluded.models THEN stored.models
        ELSE ARRAY(SELECT DISTINCT unnest(stored.models || excluded.models) ORDER BY 1 LIMIT 50)
    END,
    tags = CASE
        WHEN stored.tags @> excluded.tags THEN stored.tags
        ELSE ARRAY(SELECT DISTINCT unnest(stored.tags || excluded.tags) ORDER BY 1 LIMIT 50)
    END,
    session_id = CASE
        WHEN stored.session_id = '' OR excluded.ranks[2] < stored.ranks[2] THEN excluded.session_id
        ELSE stored.session_id
    END,
    user_id = CASE
        WHEN stored.user_id = '' OR excluded.ranks[3] < stored.ranks[3] THEN excluded.user_id
        ELSE stored.user_id
    END,
    environment = CASE
        WHEN stored.environment = '' OR excluded.ranks[4] < stored.ranks[4] THEN excluded.environment
        ELSE stored.environment
    END,
    agent_version = CASE
        WHEN stored.agent_version = '' OR excluded.ranks[5] < stored.ranks[5] THEN excluded.agent_version
        ELSE stored.agent_version
    END,
    prompt_name = CASE
        WHEN stored.prompt_name = '' OR excluded.ranks[6] < stored.ranks[6] THEN excluded.prompt_name
        ELSE stored.prompt_name
    END,
    prompt_version = CASE
        WHEN stored.prompt_version = '' OR excluded.ranks[7] < stored.ranks[7] THEN excluded.prompt_version
        ELSE stored.prompt_version
    END,
    team = CASE
        WHEN stored.team = '' OR excluded.ranks[8] < stored.ranks[8] THEN excluded.team
        ELSE stored.team
    END,
    error_types = CASE
        WHEN stored.error_types @> excluded.error_types THEN stored.error_types
        ELSE ARRAY(SELECT DISTINCT unnest(stored.error_types || excluded.error_types) ORDER BY 1 LIMIT 50)
    END,
    -- The status is another one now, perhaps: what it has been stays findable and is checked by whoever looks.
    facets = CASE
        WHEN stored.facets @> excluded.facets THEN stored.facets
        ELSE ARRAY(SELECT DISTINCT unnest(stored.facets || excluded.facets) ORDER BY 1 LIMIT 250)
    END,
    ranks = ARRAY(
        SELECT least(before, now) FROM unnest(stored.ranks, excluded.ranks) WITH ORDINALITY AS pair (before, now, place)
        ORDER BY place
    ),
    -- Bounded: a trace of many spans must not collect as many keys.
    metadata = CASE
        WHEN excluded.metadata = '{}' OR pg_column_size(stored.metadata) > 32768 THEN stored.metadata
        ELSE stored.metadata || (
            SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(excluded.metadata)
            WHERE NOT stored.metadata ? key
               OR (excluded.metadata_ranks ->> key) COLLATE "C" < stored.metadata_ranks ->> key
        )
    END,
    metadata_ranks = CASE
        WHEN excluded.metadata = '{}' OR pg_column_size(stored.metadata) > 32768 THEN stored.metadata_ranks
        ELSE stored.metadata_ranks || (
            SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(excluded.metadata_ranks)
            WHERE NOT stored.metadata ? key
               OR (excluded.metadata_ranks ->> key) COLLATE "C" < stored.metadata_ranks ->> key
        )
    END,
    input_tokens = stored.input_tokens + excluded.input_tokens,
    output_tokens = stored.output_tokens + excluded.output_tokens,
    cache_read_tokens = coalesce(stored.cache_read_tokens + excluded.cache_read_tokens,
                                 stored.cache_read_tokens, excluded.cache_read_tokens),
    cache_write_tokens = coalesce(stored.cache_write_tokens + excluded.cache_write_tokens,
                                  stored.cache_write_tokens, excluded.cache_write_tokens),
    reasoning_tokens = coalesce(stored.reasoning_tokens + excluded.reasoning_tokens,
                                stored.reasoning_tokens, excluded.reasoning_tokens),
    cost_nanos = stored.cost_nanos + excluded.cost_nanos,
    unpriced_count = stored.unpriced_count + excluded.unpriced_count,
    has_root = stored.has_root OR excluded.has_root,
    updated_at = excluded.updated_at
RETURNING session_id
)
INSERT INTO metrics_session_stale (project_id, session_id, queued_at)
SELECT %(project)s, session_id, now()
FROM (SELECT session_id FROM merged UNION SELECT unnest(%(sessions)s::text[])) AS touched
WHERE session_id <> ''
