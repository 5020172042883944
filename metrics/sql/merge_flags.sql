-- The flags of spans; those that a span has already are among the new ones.
INSERT INTO metrics_flag AS stored (project_id, trace_id, span_id, start_ns, flags)
SELECT %(project)s, trace_id, span_id, start_ns, flags
FROM unnest(%(traces)s::bytea[], %(spans)s::bytea[], %(starts)s::bigint[], %(flags)s::jsonb[])
    AS new (trace_id, span_id, start_ns, flags)
ON CONFLICT (project_id, trace_id, span_id, start_ns) DO UPDATE SET flags = excluded.flags
