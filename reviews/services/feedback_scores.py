"""What people think of a trace becomes part of its examples: a revision for each change of their scores."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from reviews.models import Approval, ScoreNote
from reviews.services import feedback

BATCH = 100
REQUESTS_MAX = 200
"""Of one trace, the newest: so many requests get their examples revised."""


@transaction.atomic
def take_told(*, now: datetime, limit: int = BATCH) -> int:
    """Revises the examples of traces whose human scores have changed; returns how many changes there were.

    A note is written in the transaction of its score, so what is read here has all that the note speaks of. Whoever
    comes while another is at it takes other notes.
    """
    notes = list(ScoreNote.objects.select_for_update(skip_locked=True).order_by("id")[:limit])
    for project_id, trace_id in sorted({(note.project_id, bytes(note.trace_id)) for note in notes}):
        of_trace = Approval.objects.filter(project=project_id, trace_id=trace_id.hex())
        newest = of_trace.order_by("-requested_at").values_list("pk", flat=True)[:REQUESTS_MAX]
        for approval in Approval.objects.select_for_update(of=("self",)).filter(pk__in=list(newest)).order_by("pk"):
            feedback.add_scores(approval=approval, now=now)
    ScoreNote.objects.filter(pk__in=[note.pk for note in notes]).delete()
    return len(notes)
