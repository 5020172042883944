"""One function per verb: keyword-only, atomic, `by=` the actor, `now=` the time, the audit row in the transaction."""
