"""Requests of any status as pages show them: newest first, by keyset, with the choices of their filters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, Sum

from agents.models import Project
from console.lib.http import decode_cursor, encode_cursor
from metrics.models import Trace
from metrics.times import to_ns
from reviews.models import Approval, FeedbackExample
from reviews.selectors.feedback import FeedbackFilter
from reviews.selectors.queue import QueueFilter, QueuePage, by_time, damaged, queue_page

CHOICES_FROM = 1_000
TRACE_ROWS = 50


@dataclass(frozen=True)
class FeedbackPage:
    """Some labelled examples, newest first, and where to go on; `next_cursor` None at the end."""

    rows: list[FeedbackExample]
    next_cursor: str | None


def records_page(
    project: Project, *, now: datetime, decided: bool, filters: QueueFilter, cursor: str | None, size: int
) -> QueuePage:
    """One page of all requests, the latest first; with `decided` of those only, the latest decision first."""
    rows = filters.applied(Approval.objects.of_project(project).with_people(), now=now)
    if decided:
        rows = rows.decided()
    return by_time(rows, "closed_at" if decided else "requested_at", cursor=cursor, size=size)


def record_choices(project: Project) -> dict[str, list[str]]:
    """The actions and agents of the latest requests, for filters."""
    pairs = Approval.objects.of_project(project).newest_first().values_list("action", "agent")[:CHOICES_FROM]
    return {"action": _sorted(action for action, _ in pairs), "agent": _sorted(agent for _, agent in pairs)}


def waiting_behind(
    project: Project, *, after: Approval, filters: QueueFilter, now: datetime, size: int
) -> list[Approval]:
    """Up to `size` waiting requests that come behind `after` in the queue, and then as many of its beginning."""
    behind = encode_cursor([after.due_minute, repr(after.risk_score), str(after.pk)])
    pages = [queue_page(project, now=now, filters=filters, cursor=cursor, size=size).rows for cursor in (behind, None)]
    return list({row.pk: row for page in pages for row in page}.values())


def of_trace(project: Project, trace_id: str) -> list[Approval]:
    """The requests that were made in a trace (32 hexadecimal digits), in the order of time."""
    rows = Approval.objects.of_project(project).filter(trace_id=trace_id.lower()).exclude(trace_id="")
    return list(rows.order_by("requested_at", "id")[:TRACE_ROWS])


def session_cost(approval: Approval) -> int | None:
    """What the request's session had cost until it asked, in nano-USD; None where nothing is known."""
    if not approval.session_id:
        return None
    until = to_ns(approval.requested_at)
    rows = Trace.objects.filter(project_id=approval.project_id, session_id=approval.session_id, start_ns__lte=until)
    total: int | None = rows.aggregate(total=Sum("cost_nanos"))["total"]
    return total


def feedback_page(project: Project, *, filters: FeedbackFilter, cursor: str | None, size: int) -> FeedbackPage:
    """One page of labelled examples, the newest first, each in its latest revision."""
    rows = filters.applied(FeedbackExample.objects.filter(project=project)).newest()
    if cursor:
        transaction, row = _row(cursor)
        rows = rows.filter(Q(transaction__lt=transaction) | Q(transaction=transaction, pk__lt=row))
    found = list(rows.with_parts().order_by("-transaction", "-id")[: size + 1])
    if len(found) <= size:
        return FeedbackPage(found, None)
    return FeedbackPage(found[:size], encode_cursor([found[size - 1].transaction, found[size - 1].pk]))


def _sorted(names: Iterable[str]) -> list[str]:
    return sorted({name for name in names if name})


def _row(cursor: str) -> tuple[int, int]:
    values = decode_cursor(cursor, length=2)
    if not all(isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 for value in values):
        raise damaged()
    return values[0], values[1]
