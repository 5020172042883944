INSERT INTO metrics_search (project_id, trace_id, start_ns, words)
SELECT %(project)s, trace_id, start_ns, array_to_tsvector(string_to_array(words, ' '))
FROM unnest(%(traces)s::bytea[], %(starts)s::bigint[], %(words)s::text[]) AS new (trace_id, start_ns, words)
