"""How one request is read over HTTP: the same for the view that answers at once and for the wait in front of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from agents.authentication import Caller
from agents.permissions import Permission, Scope
from console.lib.http import invalid
from reviews.access import api_approval
from reviews.models import Approval
from reviews.selectors.queue import estimated_wait_seconds
from reviews.serializers.approvals import represent
from reviews.services import expiry

WAIT_SECONDS_MAX = 60


def readable_approval(caller: Caller | None, approval_id: str, *, now: datetime) -> Approval:
    """A request that the caller may read. One that is overdue is expired first, so that reads never contradict it."""
    approval = api_approval(caller, approval_id, scope=Scope.APPROVALS_REQUEST, permission=Permission.APPROVAL_VIEW)
    if approval.is_waiting and approval.expires_at <= now:
        expiry.expire(approval=approval, now=now)
        approval.refresh_from_db()
    return approval


def document_of(approval: Approval) -> dict[str, Any]:
    """The request as JSON, with an estimate of the wait while there is one."""
    estimate = estimated_wait_seconds(approval.project) if approval.is_waiting else None
    return represent(approval, estimated_wait_seconds=estimate)


def wait_seconds(query: Mapping[str, str]) -> float:
    """The `wait` parameter, 0 when it is not there; 422 naming it when it is not a number from 0 to 60."""
    raw = query.get("wait", "")
    if raw == "":
        return 0.0
    message = f"must be a number of seconds from 0 to {WAIT_SECONDS_MAX}"
    try:
        seconds = float(raw) if raw.isascii() and len(raw) <= 20 else -1.0
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= WAIT_SECONDS_MAX:
        raise invalid("wait", message)
    return seconds
