"""The one way in which a waiting request closes: the table's word, then a compare-and-swap UPDATE."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from agents.authentication import Caller
from agents.models import AuditEvent, OutboxEvent, Project
from agents.services import audit
from console.lib import live, notices
from console.lib.gathering import Gathering
from console.lib.rows import insert
from reviews import states
from reviews.models import Approval, ApprovalEvent, Receipt
from reviews.selectors.queue import waiting_count
from reviews.services import flow, news
from reviews.wire import Standing

TOPIC = "approval"
"""What the notice that wakes waiting agents is about; its word is the request's id."""

ATTEMPTS = 5


@dataclass(frozen=True)
class AlreadyDecided:
    """Somebody or something was first: the normal result of losing a race."""

    status: states.Status
    decided_by: str | None
    verdict: str | None
    at: datetime | None

    @property
    def sentence(self) -> str:
        """What happened, for whoever came too late."""
        if self.status is states.Status.EXPIRED:
            return "This request expired before anybody decided."
        if self.status is states.Status.CANCELLED:
            return "This request was cancelled by the agent."
        verb = {"approve": "approved", "edit": "approved with changes", "reject": "rejected", "respond": "answered"}
        done = f"{self.decided_by} already {verb.get(self.verdict or '', 'decided')} this request"
        return f"{done}; others have to decide as well." if self.status in states.WAITING else f"{done}."


def as_already_decided(approval: Approval) -> AlreadyDecided:
    """What became of a request that no longer waits."""
    return AlreadyDecided(
        status=states.Status(approval.status),
        decided_by=approval.decided_by_label or None,
        verdict=approval.verdict or None,
        at=approval.closed_at,
    )


def close(*, approval: Approval, verb: states.Verb, now: datetime, **columns: Any) -> AlreadyDecided | None:
    """Closes a waiting request and sets further columns with it; None when this caller won.

    Runs in the caller's transaction. Of concurrent callers the database lets one through; the others wait for it and
    then learn from the row what happened. At `expires_at` it is too late, whether or not anybody has noticed yet.
    """
    for _attempt in range(ATTEMPTS):
        row = Approval.objects.get(pk=approval.pk)
        if not row.is_waiting:
            return as_already_decided(row)
        if row.expires_at <= now:
            return AlreadyDecided(states.Status.EXPIRED, None, None, row.expires_at)
        status = states.target(states.Status(row.status), verb)
        won = Approval.objects.filter(pk=row.pk, status=row.status, expires_at__gt=now).update(
            status=status, closed_at=now, settles_at=None, **columns
        )
        if won:
            approval.refresh_from_db()
            flow.closed([approval])
            return None
    raise RuntimeError(f"approval {approval.pk} keeps changing")


@dataclass(frozen=True)
class Line:
    """What is to be written into a request's timeline and into the audit log. `by` None is nobody, but `label`.

    Of a decision others are told all that they need to act on it: how its items stand, and what was signed.
    """

    approval: Approval
    by: Caller | None
    detail: dict[str, Any]
    label: str = "deadline"
    standings: Sequence[Standing] = ()
    receipts: Sequence[Receipt] = ()

    @property
    def author(self) -> str:
        """Who it was, in a word."""
        return self.by.label[:200] if self.by else self.label


def add_event(
    *, approval: Approval, kind: ApprovalEvent.Kind, by: Caller | None, now: datetime, detail: dict[str, Any]
) -> ApprovalEvent:
    """Writes a line of the timeline and the audit row that goes with it. `by` None is the deadline."""
    return add_events(kind=kind, lines=[Line(approval, by, detail)], now=now)[0]


def add_events(*, kind: ApprovalEvent.Kind, lines: Sequence[Line], now: datetime) -> list[ApprovalEvent]:
    """As `add_event`, for many requests in one statement; what others are told goes into the outbox."""
    told = rows_of(kind=kind, lines=lines, now=now)
    insert(*told)
    return told.events


class Told(NamedTuple):
    """The rows that tell of something."""

    acts: list[AuditEvent]
    news: list[OutboxEvent]
    events: list[ApprovalEvent]


def rows_of(*, kind: ApprovalEvent.Kind, lines: Sequence[Line], now: datetime) -> Told:
    """As `add_events`, but it is the caller who writes the rows, in the same transaction."""
    acts = [audit.Act(one.approval.project_id, one.by, f"approval {one.approval.pk}", one.detail) for one in lines]
    events = [
        ApprovalEvent(
            project_id=line.approval.project_id,
            approval=line.approval,
            kind=kind,
            at=now,
            actor=line.by.user if line.by else None,
            actor_label=line.author,
            detail=line.detail,
        )
        for line in lines
    ]
    return Told(
        audit.rows_of(acts, action=f"approval.{kind.value}", now=now),
        news.rows_of(kind=kind, lines=lines, now=now),
        events,
    )


def announce(*, project: Project, approval_ids: Iterable[UUID], status: str, now: datetime, wake: bool = True) -> None:
    """Tells browsers, and with `wake` waiting agents, that requests changed, once the transaction has committed."""
    ids = [str(approval_id) for approval_id in approval_ids]
    if not ids:
        return
    announce_new(project=project, status=status, now=now)
    groups = [live.project_group(project.pk, f"approval.{approval_id}") for approval_id in ids]
    live.publish_all({group: {"status": status} for group in groups})
    if wake:
        notices.send(TOPIC, ids)


def announce_new(*, project: Project, status: str, now: datetime) -> None:
    """Tells browsers that the queue changed by requests whose pages nobody can have open yet."""
    transaction.on_commit(lambda: _changes.add({project: (status, now)}))


def _publish(changes: Mapping[Project, tuple[str, datetime]]) -> None:
    for project, (status, now) in changes.items():
        live.publish(
            live.project_group(project.pk, "queue"),
            counts=functools.partial(_waiting, project, now),
            status=status,
        )


def _waiting(project: Project, now: datetime) -> dict[str, int]:
    return {"waiting": waiting_count(project, now=now)}


_changes = Gathering(_publish, name="queue-changes")
