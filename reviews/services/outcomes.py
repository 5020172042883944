"""What happened afterwards: agents say how an approved action went."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from agents.authentication import Caller
from console.lib.clock import rfc3339
from metrics.models import ReportedOutcome
from metrics.services import reported_outcomes
from reviews import states
from reviews.models import Approval, ApprovalEvent
from reviews.services import feedback
from reviews.services.settling import locked
from reviews.services.transitions import Line, add_events, announce

logger = logging.getLogger(__name__)

BATCH = 200

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
    row = locked(approval)
    if row.status not in states.GRANTED:
        raise NotGranted(row.status)
    source = BY_PERSON if by.user else BY_AGENT
    _set(row, Line(row, by, {"status": status}), status=status, detail=detail, source=source, now=now)
    return row


@transaction.atomic
def take_reported(*, now: datetime, limit: int = BATCH) -> int:
    """Records up to `limit` outcomes that spans have reported; returns how many reports there were.

    What was recorded after the span ended stands: a report that comes late says what was known before. Reports of
    requests that there are not, that nothing was granted to, or of no known outcome are passed over.
    """
    found = reported_outcomes.take(now=now, limit=limit)
    for report in found:
        row = _reported_on(report)
        if row is None or report.status not in OUTCOMES or row.status not in states.GRANTED:
            logger.info("reported_outcome_passed_over", extra={"project": report.project_id, "id": report.approval})
            continue
        if row.outcome and datetime.fromisoformat(row.outcome["recorded_at"]) > report.ended_at:
            continue
        places = {"trace_id": bytes(report.trace_id).hex(), "span_id": bytes(report.span_id).hex()}
        line = Line(row, None, {"status": report.status, **places}, label=BY_TRACE)
        _set(row, line, status=report.status, detail=report.detail, source=BY_TRACE, now=now)
    return len(found)


def _reported_on(report: ReportedOutcome) -> Approval | None:
    try:
        key = UUID(report.approval)
    except ValueError:
        return None
    rows = Approval.objects.select_for_update(of=("self",)).select_related("project")
    return rows.filter(project=report.project_id, pk=key).first()


def _set(row: Approval, line: Line, *, status: str, detail: dict[str, Any], source: str, now: datetime) -> None:
    """Sets the outcome of a locked request that something was granted to, unless it is the same already."""
    if row.outcome and (row.outcome["status"], row.outcome["detail"]) == (status, detail):
        return
    said = {"status": status, "detail": detail, "recorded_at": rfc3339(now), "by": line.author, "source": source}
    row.outcome = said
    row.save(update_fields=["outcome"])
    add_events(kind=ApprovalEvent.Kind.OUTCOME, lines=[line], now=now)
    feedback.add_outcome(approval=row, now=now)
    announce(project=row.project, approval_ids=[row.pk], status=row.status, now=now, wake=False)
