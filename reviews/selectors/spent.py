"""What had been spent when a request of the past was made, as far as that can still be told."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import connection

from agents.models import Project
from console.lib.sql import load
from reviews.policy.backtest import Past
from reviews.selectors.facts import NANOS


def costs_then(project: Project, pasts: Sequence[Past]) -> dict[UUID, dict[str, float]]:
    """In USD, by request: what its trace had cost, of what was received by then, and what its session had.

    What a day or a budget's period had cost by a moment is not kept. A trace of which no span is left may have cost
    anything, and so may a session. These are left out: unknown to conditions, which then judge nothing.
    """
    found = {past.key: _nothing(past) for past in pasts}
    asked = [past for past in pasts if past.subjects[0].trace_id]
    if not asked:
        return found
    with connection.cursor() as cursor:
        cursor.execute(
            load("reviews", "costs_then"),
            {
                "project": project.pk,
                "keys": [past.key for past in asked],
                "traces": [bytes.fromhex(past.subjects[0].trace_id) for past in asked],
                "moments": [past.requested_at for past in asked],
            },
        )
        for key, nanos in cursor.fetchall():
            found[key]["trace"] = nanos / NANOS
    return found


def _nothing(past: Past) -> dict[str, float]:
    """What costs nothing because it is not there, as for requests that come now."""
    subject = past.subjects[0]
    return {
        **({} if subject.session_id else {"session": 0.0}),
        **({} if subject.trace_id else {"trace": 0.0}),
    }
