-- What traces had cost of what was received of them by a moment; nothing for a trace of which no span is left.
SELECT asked.key,
       coalesce(sum(span.cost_nanos) FILTER (WHERE span.usage_counted AND span.received_at <= asked.at), 0)::bigint
  FROM unnest(%(keys)s::uuid[], %(traces)s::bytea[], %(moments)s::timestamptz[]) AS asked (key, trace_id, at)
  JOIN metrics_span AS span ON span.project_id = %(project)s AND span.trace_id = asked.trace_id
 GROUP BY asked.key
