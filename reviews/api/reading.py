"""How requests are read over HTTP: one at once by the view, or many together for those who wait."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from agents.authentication import Caller, still_usable
from agents.permissions import Permission, Scope
from console.lib.http import Problem, invalid
from reviews import states
from reviews.access import admitted, api_approval, uuid_of
from reviews.api.plain import written
from reviews.models import Approval
from reviews.selectors.queue import estimated_wait_seconds
from reviews.selectors.whole import Parts, read_whole
from reviews.serializers.approvals import represent
from reviews.services import expiry, settling
from reviews.services.deciders import notices_of
from reviews.services.requests import hold

WAIT_SECONDS_MAX = 60
SCOPE = Scope.APPROVALS_REQUEST
PERMISSION = Permission.APPROVAL_VIEW
NOTHING: tuple[Approval | None, Parts | None] = (None, None)


@dataclass(frozen=True)
class Reading:
    """What a caller is told about a request: the document, or the problem that stands in its way."""

    document: bytes = b""
    """As JSON."""
    problem: Problem | None = None
    is_question: bool = False
    """Whether people wait for the agent's answer."""
    open_until: datetime | None = None
    """While the request waits: its deadline, or when its decision counts. None when there is nothing to wait for."""


def readable_approval(caller: Caller | None, approval_id: str, *, now: datetime) -> Approval:
    """A request that the caller may read, as it is at `now`: see `up_to_date`."""
    approval = api_approval(caller, approval_id, scope=SCOPE, permission=PERMISSION)
    if _is_due(approval, now):
        up_to_date([approval], now=now)
        return api_approval(caller, approval_id, scope=SCOPE, permission=PERMISSION)
    return approval


def read_many(asked: Sequence[tuple[Caller | None, str]], *, now: datetime) -> list[Reading]:
    """Reads many requests in a handful of queries, one answer for each (caller, id), in order.

    Whoever has waited is checked again: a key that was revoked meanwhile learns nothing. What several wait for is
    written out once.
    """
    keys = [uuid_of(text) for _caller, text in asked]
    found = read_whole({key for key in keys if key})
    due = [key for key, (row, _parts) in found.items() if _is_due(row, now)]
    if due:
        _see_to(due, now=now)
        found |= read_whole(due)
    waiting = {row.project_id: row.project for row, _parts in found.values() if row.is_waiting}
    estimates = {key: estimated_wait_seconds(project) for key, project in waiting.items()}
    said = notices_of([_held(row, parts) for row, parts in found.values() if row.is_open], now=now)
    usable = still_usable((caller for caller, _text in asked if caller), now=now)
    told: dict[UUID | None, Reading] = {}
    readings = []
    for (caller, _text), key in zip(asked, keys, strict=True):
        row, parts = found.get(key, NOTHING) if key else NOTHING
        try:
            row = admitted(caller if caller in usable else None, row, scope=SCOPE, permission=PERMISSION)
        except Problem as problem:
            readings.append(Reading(problem=problem))
            continue
        reading = told.get(key)
        if reading is None:
            reading = told[key] = _told(row, parts, estimates.get(row.project_id), said.get(row.pk, []))
        readings.append(reading)
    return readings


def _held(row: Approval, parts: Parts) -> Approval:
    """The request with its actions and verdicts at hand."""
    hold(row, items=parts.items, decisions=parts.decisions)
    return row


def _told(row: Approval, parts: Parts | None, estimate: int | None, notices: Sequence[str]) -> Reading:
    document = written(represent(row, parts=parts, estimated_wait_seconds=estimate, notices=notices))
    deadline = (row.settles_at or row.expires_at) if row.is_waiting else None
    return Reading(document, is_question=row.status == states.Status.INFO_REQUESTED, open_until=deadline)


def up_to_date(rows: Sequence[Approval], *, now: datetime) -> list[Approval]:
    """The same requests with their parts, so that reads never contradict the clock.

    Those that are overdue are expired first, and those whose time to withdraw a decision is over are closed.
    """
    due = [row.pk for row in rows if _is_due(row, now)]
    if not due:
        return list(rows)
    _see_to(due, now=now)
    fresh = {row.pk: row for row in Approval.objects.with_parts().filter(pk__in=due)}
    return [fresh.get(row.pk, row) for row in rows]


def _see_to(due: Collection[UUID], *, now: datetime) -> None:
    settling.settle_all(keys=due, now=now)
    expiry.expire_all(keys=due, now=now)


def _is_due(row: Approval, now: datetime) -> bool:
    return row.is_waiting and (row.settles_at or row.expires_at) <= now


def document_of(approval: Approval, *, now: datetime) -> dict[str, Any]:
    """The request as JSON, with an estimate of the wait while there is one."""
    return documents_of([approval], now=now)[0]


def documents_of(approvals: Sequence[Approval], *, now: datetime) -> list[dict[str, Any]]:
    """As `document_of`, for many, in a number of queries that does not depend on how many."""
    waiting = {row.project_id: row.project for row in approvals if row.is_waiting}
    estimates = {key: estimated_wait_seconds(project) for key, project in waiting.items()}
    said = notices_of(approvals, now=now)
    return [
        represent(row, estimated_wait_seconds=estimates.get(row.project_id), notices=said.get(row.pk, []))
        for row in approvals
    ]


def wait_seconds(query: Mapping[str, Any]) -> float:
    """The `wait` parameter, 0 when it is not there; 422 naming it when it is not a number from 0 to 60."""
    raw = str(query.get("wait", ""))
    if raw == "":
        return 0.0
    try:
        seconds = float(raw) if raw.isascii() and len(raw) <= 20 else -1.0
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= WAIT_SECONDS_MAX:
        raise invalid("wait", f"must be a number of seconds from 0 to {WAIT_SECONDS_MAX}")
    return seconds
