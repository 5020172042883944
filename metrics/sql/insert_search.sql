INSERT INTO metrics_search (project_id, trace_id, start_ns, words, checked)
SELECT %(project)s, trace_id, start_ns, array_to_tsvector(string_to_array(words, ' ')), checked
FROM unnest(%(traces)s::bytea[], %(starts)s::bigint[], %(words)s::text[], %(checked)s::jsonb[])
    AS new (trace_id, start_ns, words, checked)
