"""The figures of the overview page: a few queries over rollups, however many agents, models, steps and spans."""

from bisect import bisect
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from django.db import connection
from django.db.models import Sum

from console.lib.sql import load
from metrics import histogram
from metrics.models import Heartbeat, Rollup
from metrics.ranges import TimeRange, ceil
from metrics.resolutions import Segment, State
from metrics.selectors import rollups
from metrics.selectors.series import QUANTILES
from metrics.times import to_ns

MOST_AGENTS = 12
MOST_STEPS = 10
MOST_ERRORS = 8
# Errors are read from the spans themselves, newest first, and never more than this.
ERRORS_READ = 2_000
HEALTH_KINDS = {
    **dict.fromkeys(("ok", "healthy", "up", "running", "idle"), "ok"),
    **dict.fromkeys(("degraded", "warning", "starting", "stopping"), "warn"),
    **dict.fromkeys(("error", "unhealthy", "down", "failed", "critical"), "danger"),
}
SHARES = list(QUANTILES.values())
# The place of the cost among the fields of Sums.
COST = 2
# What the whole page can be narrowed to.
CHOICES = ("agent", "environment")
UNKNOWN: list[float | None] = [None] * len(SHARES)


@dataclass(slots=True)
class Sums:
    """Figures of one bin or of a whole period. Tokens and money count each usage once."""

    requests: int = 0
    errors: int = 0
    cost_nanos: int = 0
    unpriced_count: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0

    def add(self, figures: Sequence[int | None]) -> None:
        """Adds figures in the order of the fields."""
        for name, value in zip(self.__slots__, figures, strict=True):
            if value:
                setattr(self, name, getattr(self, name) + int(value))

    @property
    def error_rate(self) -> float | None:
        """Share of requests that failed; None without requests."""
        return self.errors / self.requests if self.requests else None


@dataclass(slots=True)
class Period:
    """One period of the page: figures and latency quantiles (nanoseconds) by bin and in total.

    `cost_by_model` has nano-USD per bin. The total of the period before stops where the present one stands now.
    """

    bins: list[Sums]
    latency: list[list[float | None]]
    total: Sums = field(default_factory=Sums)
    latency_total: list[float | None] = field(default_factory=lambda: list(UNKNOWN))
    cost_by_model: dict[str, list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, bins: int) -> "Period":
        """A period in which nothing happened."""
        return cls([Sums() for _ in range(bins)], [UNKNOWN] * bins)


@dataclass(frozen=True, slots=True)
class AgentLine:
    """One agent of the table. `health` is what it last said of itself, empty when it sends no heartbeats."""

    name: str
    requests: int
    errors: int
    cost_nanos: int
    unpriced_count: int
    p95_ns: float | None
    health: str = ""
    health_at: datetime | None = None

    @property
    def error_rate(self) -> float | None:
        return self.errors / self.requests if self.requests else None

    @property
    def health_kind(self) -> str:
        """How the words of common heartbeats are coloured; others stay plain."""
        return HEALTH_KINDS.get(self.health.lower(), "")


@dataclass(frozen=True, slots=True)
class Activity:
    """How many agents did something: in this period, in the one before, and in each bin that has begun."""

    active: int
    before: int
    course: list[int]


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step: spans of one name and kind. Durations in nanoseconds; `share` of the time of all steps."""

    name: str
    kind: str
    count: int
    errors: int
    total_ns: int
    p95_ns: float | None
    share: float

    @property
    def share_percent(self) -> int:
        return round(self.share * 100)


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """One type of error among the spans that failed last, with the last one of its kind."""

    type: str
    count: int
    message: str
    last_ns: int
    trace_id: bytes
    span_id: bytes


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors by type; `capped` when there were more than could be read."""

    lines: list[ErrorLine]
    capped: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """What rollups say: both periods, how many agents were active, the costliest of them, and the slowest steps."""

    current: Period
    previous: Period
    activity: Activity
    agents: list[AgentLine]
    steps: list[StepLine]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the page is about: a project, a range, and what of its rollups is asked for (`agent`, `environment`)."""

    project_id: int
    window: TimeRange
    state: State
    chosen: Mapping[str, str] = field(default_factory=dict)

    def rows(self, statement: str, parts: Sequence[Segment], slots: Sequence[datetime] = ()) -> list[tuple[Any, ...]]:
        """The answer to one of the statements in metrics/sql about parts of the rollups."""
        parameters: dict[str, Any] = {"project": self.project_id, "slots": list(slots), **self.narrowed}
        with connection.cursor() as cursor:
            cursor.execute(rollups.among(statement, parts), parameters)
            return list(cursor.fetchall())

    @property
    def narrowed(self) -> dict[str, str]:
        """The value of each of CHOICES, empty for all."""
        return {name: self.chosen.get(name, "") for name in CHOICES}


class _Slot(NamedTuple):
    """What the page shows apart: it ends where the next one begins. Only `counted` ones are in the period's total."""

    start: datetime
    period: Period
    bin: int
    counted: bool


def reading(project_id: int, window: TimeRange, chosen: Mapping[str, str], since: datetime) -> Reading:
    """What the figures below are asked of; `since` is the earliest moment besides the range. One query."""
    state = rollups.state(project_id, min(window.previous_start, since), max(window.end, window.now))
    return Reading(project_id, window, state, chosen)


def figures(asked: Reading) -> Figures:
    """All figures of the page that rollups know. Four queries.

    Of the period before there are bins only when the two are compared; else it is read as coarsely as can be.
    """
    current, previous = (Period.of(asked.window.bin_count) for _ in range(2))
    slots, parts = _slots(asked, current, previous)
    starts = [slot.start for slot in slots]
    seen: dict[int, set[str]] = defaultdict(set)
    agents: dict[str, Sums] = defaultdict(Sums)
    for place, by_model, model, agent, spans, *sums in asked.rows("overview_figures", parts, starts):
        slot = slots[place]
        if by_model:
            _add(slot, model, sums)
        elif agent and spans and slot.counted:
            seen[place].add(agent)
            if slot.period is current:
                agents[agent].add(sums)
    _add_latency(slots, asked.rows("overview_latency", parts, starts), (current, previous))
    now = [place for place, slot in enumerate(slots) if slot.period is current and slot.start < asked.window.until]
    active = Activity(
        active=len(agents),
        before=len(set().union(*(names for place, names in seen.items() if slots[place].period is previous))),
        course=[len(seen[place]) for place in now],
    )
    whole = rollups.cover([asked.window.start, asked.window.end], asked.state)
    steps = asked.rows("overview_steps", whole)
    return Figures(current, previous, active, _agent_lines(asked, agents, steps), _step_lines(steps))


def _slots(asked: Reading, current: Period, previous: Period) -> tuple[list[_Slot], list[Segment]]:
    """The slots of both periods in order of time, and the parts of the rollups that fill them."""
    window = asked.window
    now, fair = window.bins(), ceil(window.previous_until, timedelta(minutes=1))
    slots = [_Slot(start, current, index, counted=True) for index, start in enumerate(now)]
    parts = rollups.cover([*now, window.end], asked.state)
    if not window.compare:
        slots.append(_Slot(window.previous_start, previous, 0, counted=True))
        parts += rollups.cover([window.previous_start, fair], asked.state)
    else:
        before = window.previous_bins()
        slots += [_Slot(start, previous, index, counted=start < fair) for index, start in enumerate(before)]
        if fair < window.start and fair not in before:
            slots.append(_Slot(fair, previous, bisect(before, fair) - 1, counted=False))
        parts += rollups.cover([*(start for start in before if start < fair), fair], asked.state)
        parts += rollups.cover([fair, *(start for start in before if start > fair), window.start], asked.state)
    return sorted(slots, key=lambda slot: slot.start), parts


def _add(slot: _Slot, model: str, sums: Sequence[int | None]) -> None:
    period = slot.period
    period.bins[slot.bin].add(sums)
    if slot.counted:
        period.total.add(sums)
    if sums[COST]:
        period.cost_by_model.setdefault(model, [0] * len(period.bins))[slot.bin] += int(sums[COST] or 0)


def _add_latency(slots: Sequence[_Slot], rows: Sequence[tuple[int, bytes]], periods: Sequence[Period]) -> None:
    table = rollups.table(rows, len(slots))
    for period in periods:
        mine = [place for place, slot in enumerate(slots) if slot.period is period]
        bins = np.zeros((len(period.bins), table.shape[1]), dtype=np.int64)
        np.add.at(bins, [slots[place].bin for place in mine], table[mine])
        period.latency = histogram.quantiles_of_rows(bins, SHARES)
        whole = table[[place for place in mine if slots[place].counted]].sum(axis=0, keepdims=True)
        period.latency_total = histogram.quantiles_of_rows(whole, SHARES)[0]


def _agent_lines(asked: Reading, agents: Mapping[str, Sums], steps: Sequence[tuple[Any, ...]]) -> list[AgentLine]:
    ranked = sorted(agents, key=lambda name: (-agents[name].cost_nanos, -agents[name].requests, name))[:MOST_AGENTS]
    beats = {beat.agent: beat for beat in Heartbeat.objects.filter(project_id=asked.project_id).order_by("-at")[:500]}
    places = {name: place for place, name in enumerate(ranked)}
    table = rollups.table([(places[row[1]], row[-1]) for row in steps if row[0] and row[1] in places], len(ranked))
    lines = []
    for name, [p95] in zip(ranked, histogram.quantiles_of_rows(table, [0.95]), strict=True):
        sums = agents[name]
        line = AgentLine(name, sums.requests, sums.errors, sums.cost_nanos, sums.unpriced_count, p95)
        beat = beats.get(name)
        lines.append(line if beat is None else replace(line, health=beat.status, health_at=beat.at))
    return lines


def _step_lines(rows: Sequence[tuple[Any, ...]]) -> list[StepLine]:
    """Where the time goes: the steps with the most time in total, without entry spans, which contain them all."""
    steps = sorted((row for row in rows if not row[0] and row[3]), key=lambda row: (-row[5], row[1]))
    whole = sum(int(row[5]) for row in steps) or 1
    listed = steps[:MOST_STEPS]
    slow = histogram.quantiles_of_rows(
        rollups.table([(place, row[-1]) for place, row in enumerate(listed)], len(listed)), [0.95]
    )
    return [
        StepLine(name, kind, int(count), int(errors), int(total), p95, int(total) / whole)
        for (_, name, kind, count, errors, total, _), [p95] in zip(listed, slow, strict=True)
    ]


def top_errors(asked: Reading) -> Errors:
    """Errors by type among the last ERRORS_READ spans that failed in the range. One bounded query."""
    parameters: dict[str, Any] = {
        "project": asked.project_id,
        "start": to_ns(asked.window.start),
        "end": to_ns(asked.window.end),
        "read": ERRORS_READ,
        "most": MOST_ERRORS,
        **asked.narrowed,
    }
    with connection.cursor() as cursor:
        cursor.execute(load("metrics", "top_errors"), parameters)
        rows = cursor.fetchall()
    lines = [
        ErrorLine(kind, count, message, last_ns, bytes(trace_id), bytes(span_id))
        for kind, count, message, last_ns, trace_id, span_id, _ in rows
    ]
    return Errors(lines, capped=bool(rows) and rows[0][-1] == ERRORS_READ)


def cost_between(asked: Reading, start: datetime, end: datetime) -> int:
    """Nano-USD spent between two moments."""
    rows = rollups.rows(asked.project_id, rollups.cover([start, end], asked.state), **asked.chosen)
    return int(rows.aggregate(total=Sum("cost_nanos"))["total"] or 0)


def choices(asked: Reading) -> dict[str, list[str]]:
    """The agents and environments that can be chosen: those of the range, whatever is chosen now."""
    rows = rollups.rows(asked.project_id, rollups.cover([asked.window.start, asked.window.end], asked.state))
    found = list(rows.values_list(*CHOICES).distinct().order_by())
    return {name: sorted({row[place] for row in found} - {""}) for place, name in enumerate(CHOICES)}


def has_any(project_id: int) -> bool:
    """Whether the project ever sent a span."""
    return Rollup.objects.filter(project_id=project_id).exists()
