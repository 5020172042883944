"""Escalation: when those asked did not decide in time, the next ones are asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from agents.rosters import roster_of
from console.lib.clock import rfc3339
from reviews.models import Approval, ApprovalEvent
from reviews.services.deciders import not_asked
from reviews.services.routing import by_project, enter, stage_of, tell_asked
from reviews.services.transitions import Line, add_events, announce

BATCH = 500
COLUMNS = ["routed_to", "assigned_to", "escalation_step", "next_step_at", "remind_at", "due_minute"]


@transaction.atomic
def advance_due(*, now: datetime, limit: int = BATCH) -> int:
    """Brings up to `limit` requests whose step is over to the one they should be in; returns how many.

    Steps that went by while no worker ran are skipped. Rows that another worker holds are passed over.
    """
    due = Approval.objects.waiting().filter(next_step_at__lte=now, expires_at__gt=now)
    rows = list(
        due.order_by("next_step_at").select_for_update(skip_locked=True, of=("self",)).select_related("project")[:limit]
    )
    for project, mine in by_project(rows):
        roster = roster_of(project.pk, now=now)
        lines, without = [], not_asked(mine, now=now)
        for row in mine:
            before, stage = row.escalation_step, stage_of(row, now=now)
            enter(approval=row, stage=stage, roster=roster, without=without[row.pk], now=now)
            lines.append(Line(row, None, _detail(row, skipped=stage.number - before - 1, until=stage.ends)))
        Approval.objects.bulk_update(mine, COLUMNS)
        add_events(kind=ApprovalEvent.Kind.ESCALATED, lines=lines, now=now)
        tell_asked(project=project, rows=mine, roster=roster, kind="approval.escalated", without=without, now=now)
        _announce(mine, now)
    return len(rows)


def _announce(rows: Sequence[Approval], now: datetime) -> None:
    for status in sorted({row.status for row in rows}):
        ids = [row.pk for row in rows if row.status == status]
        announce(project=rows[0].project, approval_ids=ids, status=status, now=now, wake=False)


def _detail(row: Approval, *, skipped: int, until: datetime) -> dict[str, Any]:
    """What the timeline says; `to` nobody in particular is null."""
    detail: dict[str, Any] = {
        "step": row.escalation_step,
        "to": row.assigned_to.display_name if row.assigned_to else row.routed_to.name if row.routed_to else None,
        "until": rfc3339(until),
    }
    return detail | ({"skipped": skipped} if skipped else {})
