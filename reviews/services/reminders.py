"""Reminders: those asked hear again of what still waits, before its time is over."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from agents.rosters import roster_of
from console.lib.clock import rfc3339
from reviews.models import Approval, ApprovalEvent
from reviews.policy.timing import next_reminder
from reviews.services.deciders import not_asked
from reviews.services.routing import by_project, stage_of, tell_asked
from reviews.services.transitions import Line, add_events

BATCH = 500


@transaction.atomic
def send_due(*, now: datetime, limit: int = BATCH) -> int:
    """Reminds those who are asked of up to `limit` requests that are due for it; returns how many requests.

    Each moment of a stage is used once: of several that went by while no worker ran, one reminder comes. A request
    that is due for its next step is left to the escalation, for others are asked then.
    """
    same_stage = Q(next_step_at__isnull=True) | Q(next_step_at__gt=now)
    due = Approval.objects.waiting().filter(same_stage, remind_at__lte=now, expires_at__gt=now)
    rows = list(
        due.order_by("remind_at").select_for_update(skip_locked=True, of=("self",)).select_related("project")[:limit]
    )
    for project, mine in by_project(rows):
        lines = []
        for row in mine:
            stage = stage_of(row, now=now)
            row.remind_at = next_reminder(stage, after=now)
            lines.append(Line(row, None, {"until": rfc3339(stage.ends)}))
        Approval.objects.bulk_update(mine, ["remind_at"])
        add_events(kind=ApprovalEvent.Kind.REMINDED, lines=lines, now=now)
        roster = roster_of(project.pk, now=now)
        without = not_asked(mine, now=now)
        tell_asked(project=project, rows=mine, roster=roster, kind="approval.reminded", without=without, now=now)
    return len(rows)
