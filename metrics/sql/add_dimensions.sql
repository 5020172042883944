-- Writes down new values of dimensions as far as their days have room; returns those that are written down now.
WITH wanted AS (
    SELECT DATE '1970-01-01' + day AS day, dimension, value
    FROM unnest(%(days)s::integer[], %(names)s::text[], %(values)s::text[]) AS one (day, dimension, value)
),
taken AS (
    SELECT day, dimension, count(*) AS taken
    FROM metrics_dimension JOIN (SELECT DISTINCT day, dimension FROM wanted) AS asked USING (day, dimension)
    WHERE project_id = %(project)s
    GROUP BY day, dimension
),
stored AS (
    SELECT day, dimension, value
    FROM wanted JOIN metrics_dimension USING (day, dimension, value)
    WHERE project_id = %(project)s
),
missing AS (
    SELECT day, dimension, value, row_number() OVER (PARTITION BY day, dimension ORDER BY value) AS place
    FROM (SELECT * FROM wanted EXCEPT SELECT * FROM stored) AS new
),
added AS (
    INSERT INTO metrics_dimension (project_id, day, dimension, value)
    SELECT %(project)s, day, dimension, value
    FROM missing LEFT JOIN taken USING (day, dimension)
    WHERE place + coalesce(taken, 0) <= %(cap)s
    ON CONFLICT DO NOTHING
    RETURNING day, dimension, value
)
SELECT day - DATE '1970-01-01', dimension, value FROM added
UNION ALL
SELECT day - DATE '1970-01-01', dimension, value FROM stored
