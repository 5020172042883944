"""Whether reviewers still look: the signs of each, out of the counts and the latest verdicts."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from agents.models import Project
from console.lib.sql import load
from metrics.ranges import TimeRange
from reviews.models import Dimension
from reviews.selectors import analytics
from reviews.selectors.analytics import Line
from reviews.signs import Signs

STREAK_READ = 200
"""Of each reviewer the latest so many decisions are looked through for a streak."""


def signs(project: Project, asked: TimeRange, lines: Sequence[Line]) -> list[tuple[Line, Signs]]:
    """The signs of some lines of the dimension of reviewers. Three queries."""
    whole, _more = analytics.lines(project, asked, Dimension.ALL)
    plain = whole[0].figures if whole else None
    approval = plain.approved / plain.decided if plain and plain.decided else None
    runs = streaks(project, [line.value for line in lines if line.value.isdecimal()])
    return [(line, _of(line, approval, runs.get(line.value, 0))) for line in lines]


def streaks(project: Project, reviewers: Sequence[str]) -> dict[str, int]:
    """How many approvals in a row each reviewer has given up to now, at most STREAK_READ. One query by index."""
    if not reviewers:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            load("reviews", "latest_verdicts"),
            {"project": project.pk, "reviewers": [int(one) for one in reviewers], "limit": STREAK_READ},
        )
        return {str(reviewer): _run(verdicts) for reviewer, verdicts in cursor.fetchall()}


def _of(line: Line, approval: float | None, streak: int) -> Signs:
    figures = line.figures
    return Signs(
        hasty_low=figures.hasty_share.low,
        short=figures.observed("times_short"),
        long=figures.long_decisions,
        time_short=figures.time_short,
        time_long=figures.time_long,
        time_long_high=figures.time_long_high,
        streak=streak,
        approval=approval,
    )


def _run(verdicts: Sequence[str]) -> int:
    count = 0
    for verdict in verdicts:
        if verdict != "approve":
            break
        count += 1
    return count
