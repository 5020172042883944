"""Facts about a request that are not in it: what was spent, and what came of earlier requests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Sum

from agents.models import Project
from metrics.models import Session, Spend, Trace
from metrics.selectors import budgets
from reviews.models import Approval
from reviews.policy.facts import Subject
from reviews.policy.history import EARLIER, Counts, Earlier, Window

NANOS = 1_000_000_000


def costs(project: Project, subject: Subject, *, now: datetime) -> dict[str, float]:
    """What was spent so far in USD: by the request's session and trace, and by the project on this UTC day.

    Sessions and days are summed up a few seconds after their traces. `budget` is the share that is spent of the
    tightest budget of the request's agent; it is not given while nothing that was spent has a known price.
    """
    of_project = {"project_id": project.pk}
    trace = bytes.fromhex(subject.trace_id) if subject.trace_id else b""
    found = {
        "session": Session.objects.filter(**of_project, session_id=subject.session_id) if subject.session_id else None,
        "trace": Trace.objects.filter(**of_project, trace_id=trace) if trace else None,
        "today": Spend.objects.filter(**of_project, day=now.date(), dimension="team"),
    }
    share = budgets.share_spent(project.pk, agent=subject.agent, now=now)
    return {
        name: (rows.aggregate(total=Sum("cost_nanos"))["total"] or 0) / NANOS if rows is not None else 0.0
        for name, rows in found.items()
    } | ({} if share is None else {"budget": share})


Known = dict[tuple[str, str], Counts]
"""What was counted already, by column and value."""


def history(project: Project, subject: Subject, *, now: datetime, known: Known) -> dict[str, Counts]:
    """What became, until `now`, of the latest requests of the same session, agent and action: counts by fate.

    `known` keeps them for the other actions of a batch.
    """
    by = {"session": ("session_id", subject.session_id), "agent": ("agent", subject.agent)}
    by["action"] = ("action", subject.action)
    for column, value in by.values():
        if (column, value) not in known:
            known[column, value] = _fates(project, column, value, now)
    return {name: known[place] for name, place in by.items()}


def _fates(project: Project, column: str, value: str, now: datetime) -> Counts:
    if not value:
        return Window().at(now)
    rows = Approval.objects.of_project(project).filter(**{column: value}, requested_at__lt=now)
    latest = rows.newest_first().values_list("requested_at", "status", "closed_at", "outcome")[:EARLIER]
    return Window(Earlier(at, status, closed, outcomes_of(last)) for at, status, closed, last in latest).at(now)


def outcomes_of(last: dict[str, Any] | None) -> list[tuple[datetime, str]]:
    """The outcome that a request's row has: the one that was recorded last."""
    return [(datetime.fromisoformat(last["recorded_at"]), last["status"])] if last else []
