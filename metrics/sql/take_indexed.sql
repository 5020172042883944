-- What is indexed of some traces already; it is written again together with what is new.
DELETE FROM metrics_search
WHERE project_id = %(project)s AND trace_id = ANY(%(traces)s) AND start_ns BETWEEN %(earliest)s AND %(latest)s
RETURNING trace_id, tsvector_to_array(words), checked::text
