-- The starts of UTC days with figures of a project.
SELECT day::timestamp AT TIME ZONE 'UTC'
FROM metrics_spend_day AS computed
WHERE project_id = %(project)s AND day >= %(start)s AT TIME ZONE 'UTC' AND day < %(end)s AT TIME ZONE 'UTC'
    AND EXISTS (SELECT 1 FROM metrics_spend AS spent WHERE (spent.project_id, spent.day) = (computed.project_id, computed.day))
