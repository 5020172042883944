-- Stale days, but none that was computed a moment ago, the longer it took the later.
SELECT DISTINCT mark.start
FROM metrics_rollup_stale AS mark
LEFT JOIN metrics_spend_day AS done
    ON done.project_id = mark.project_id AND done.day = (mark.start AT TIME ZONE 'UTC')::date
WHERE mark.project_id = %(project)s AND mark.seconds = 0 AND mark.start < %(before)s
  AND (done.computed_at IS NULL OR done.computed_at > %(now)s
       OR done.computed_at + greatest(%(pause)s, done.took_ms / %(share)s * interval '1 ms') <= %(now)s)
ORDER BY mark.start DESC
LIMIT %(limit)s
