"""Evaluations written down by day: every night by the clock, and whenever somebody asks."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from agents.authentication import Caller
from agents.models import Project
from metrics.models import Evaluation
from metrics.ranges import TimeRange
from metrics.selectors import agents
from metrics.services.evaluations import write_down
from reviews.models import Dimension, FlowRollup
from reviews.selectors.evaluation import of_agent

DAYS = 7
"""What is written down of a day is about so many days up to its end."""
TASK = "reviews.tasks.evaluate_agent"
MOST_AGENTS = 200


def window_until(until: datetime, now: datetime) -> TimeRange:
    """The days that an evaluation is about, in steps of an hour."""
    return TimeRange(start=until - timedelta(days=DAYS), end=until, step=timedelta(hours=1), now=now)


def write_now(*, project: Project, agent: str, by: Caller, now: datetime) -> bool:
    """Writes down how an agent does at this moment as today's evaluation; False for an agent that nobody knows."""
    until = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return _write(project, agent, now.astimezone(UTC).date(), window_until(until, now), by, now)


def write_day(*, project: Project, agent: str, day: date, now: datetime) -> bool:
    """Writes down how an agent did by the end of a day (UTC); False for an agent that nobody knows."""
    until = datetime.combine(day + timedelta(days=1), time(), UTC)
    return _write(project, agent, day, window_until(until, now), None, now)


def _write(project: Project, agent: str, day: date, window: TimeRange, by: Caller | None, now: datetime) -> bool:
    found = of_agent(project, agent, window)
    if found is None:
        return False
    write_down(project=project, agent=agent, day=day, found=[one.written for one in found.versions], by=by, now=now)
    return True


def due(*, now: datetime) -> tuple[date, list[tuple[int, str]]]:
    """The last whole day (UTC), and of which agents it is still to be written down, by project: what was written before
    the day was over does not count. Five queries a project."""
    day = now.astimezone(UTC).date() - timedelta(days=1)
    over = datetime.combine(day + timedelta(days=1), time(), UTC)
    found: list[tuple[int, str]] = []
    for project in Project.objects.open():
        written = Evaluation.objects.filter(project=project, day=day, written_at__gte=over)
        done = set(written.values_list("agent", flat=True))
        found += [(project.pk, name) for name in _active(project, over, now) if name not in done]
    return day, found


def _active(project: Project, until: datetime, now: datetime) -> list[str]:
    """The agents that did or asked for something in the days before a moment."""
    window = window_until(until, now)
    worked = [row.name for row in agents.page(project.pk, window, now=now, limit=MOST_AGENTS).agents]
    asked = FlowRollup.objects.filter(
        project=project, seconds=86_400, dimension=Dimension.AGENT, start__gte=window.start, start__lt=window.end
    ).exclude(value="")
    names = asked.order_by("value").values_list("value", flat=True).distinct()[:MOST_AGENTS]
    return list(dict.fromkeys([*worked, *names]))[:MOST_AGENTS]
