"""What happened afterwards: agents say how an approved action went."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from agents.authentication import Caller
from console.lib.clock import rfc3339
from reviews import states
from reviews.models import Approval, ApprovalEvent
from reviews.services import feedback
from reviews.services.transitions import add_event, announce

OUTCOMES = ("succeeded", "failed", "reverted")

BY_PERSON, BY_AGENT, BY_TRACE = "person", "agent", "trace"
"""Where an outcome comes from: somebody on its page, the agent itself, or an attribute of one of its spans."""


class NotGranted(ValueError):
    """There is no outcome of a request that was neither approved nor answered."""

    def __init__(self, status: str) -> None:
        super().__init__(f"This request is {status}: only an approved or answered one has an outcome.")
        self.status = status


@transaction.atomic
def record_outcome(*, approval: Approval, by: Caller, status: str, detail: dict[str, Any], now: datetime) -> Approval:
    """Sets the outcome, or replaces it (an action that succeeded may be reverted later).

    Every change adds a revision to the labelled example; saying the same again changes nothing. Raises NotGranted.
    """
    row = Approval.objects.select_for_update().select_related("project").get(pk=approval.pk)
    if row.status not in states.GRANTED:
        raise NotGranted(row.status)
    if row.outcome and (row.outcome["status"], row.outcome["detail"]) == (status, detail):
        return row
    source = BY_PERSON if by.user else BY_AGENT
    row.outcome = {"status": status, "detail": detail, "recorded_at": rfc3339(now), "by": by.label, "source": source}
    row.save(update_fields=["outcome"])
    add_event(approval=row, kind=ApprovalEvent.Kind.OUTCOME, by=by, now=now, detail={"status": status})
    feedback.add_outcome(approval=row, now=now)
    announce(project=row.project, approval_ids=[row.pk], status=row.status, now=now, wake=False)
    return row
