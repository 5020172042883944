"""Rules that past decisions suggest and that nobody has answered yet."""

from __future__ import annotations

from uuid import UUID

from agents.models import Project
from reviews.models import Backtest, Pattern

SHOWN = 50


def proposed(project: Project) -> list[Pattern]:
    """Those that were tried on the past, the newest first."""
    rows = Pattern.objects.filter(project=project).proposed().select_related("backtest", "project")
    return list(rows.order_by("-found_at", "-agreeing")[:SHOWN])


def being_tried(project: Project) -> int:
    """How many are still being tried on the past."""
    waiting = Pattern.objects.filter(project=project, status=Pattern.Status.PROPOSED)
    return waiting.filter(backtest__status__in=Backtest.OPEN).count()


def pattern_of(project: Project, key: UUID) -> Pattern | None:
    """One suggestion."""
    return Pattern.objects.filter(project=project, pk=key).select_related("project", "backtest").first()
