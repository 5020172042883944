-- Everything that was ever said about how some requests went, oldest first. The row itself has the last only.
SELECT approval_id, at, detail->>'status'
  FROM reviews_approvalevent
 WHERE approval_id = ANY (%(keys)s) AND kind = 'outcome'
 ORDER BY id
