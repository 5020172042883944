"""How the queue is doing, out of the counts of its flow: one read of rollup rows a figure, never of the requests.

Windows are whole hours, or whole days (UTC) when they are longer than LONGEST_BY_HOUR. What is not counted yet, the
last seconds, is in none of the figures, so they always fit together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import Any

from django.db.models import Aggregate, BinaryField, F, Func, Max, QuerySet, Sum

from agents.models import Project, User
from metrics import comparison, histogram
from metrics.comparison import Interval
from metrics.ranges import TimeRange, ceil, floor
from metrics.selectors.rollups import merged, words
from reviews import queueing
from reviews.flow import COUNTED_AS, DAY, EVER, HOUR
from reviews.models import Dimension, FlowEntry, FlowRollup
from reviews.queueing import Flow, Little, Staffing

LONGEST_BY_HOUR = timedelta(days=2)
MOST_LINES = 50
BACKLOG_CAP = 1_000

SUMS = [
    "arrivals", "closings", *COUNTED_AS.values(), "suggested", "overridden", "decisions", "hasty", "timed",
    "wait_sum", "stay_sum", "timed_sum",
]  # fmt: skip
TIMES = ["times_short", "times_long"]
"""How long decisions took, which is shown of reviewers alone."""


@dataclass(frozen=True)
class Figures:
    """What is known of some time, or of one action, agent, team or reviewer in it. Seconds; shares are 0 to 1."""

    sums: dict[str, float] = field(default_factory=dict)
    histograms: dict[str, histogram.Pairs] = field(default_factory=dict)

    def __getattr__(self, name: str) -> int:
        """Any of the counts by its name."""
        if name not in SUMS:
            raise AttributeError(name)
        return int(self.sums.get(name) or 0)

    @property
    def decided(self) -> int:
        """Requests that people decided; of a reviewer the decisions."""
        return self.approved + self.edited + self.rejected + self.answered + self.mixed

    @property
    def sla(self) -> Interval:
        """Decided by people before the deadline, of all that reached one end or the other."""
        return comparison.share(self.decided, self.decided + self.expired + self.timed_out)

    @property
    def approval(self) -> Interval:
        return comparison.share(self.approved + self.edited, self.decided)

    @property
    def edits(self) -> Interval:
        return comparison.share(self.edited, self.decided)

    @property
    def overrides(self) -> Interval:
        """Decided otherwise than the agent suggested, of the decisions where it had suggested something."""
        return comparison.share(self.overridden, self.suggested)

    @property
    def wait_p50(self) -> float | None:
        return self.quantile("waits", 0.5)

    @property
    def wait_p95(self) -> float | None:
        return self.quantile("waits", 0.95)

    @property
    def stay(self) -> float | None:
        """The mean time in the queue of whatever left it, people or not."""
        return self.sums["stay_sum"] / self.closings if self.closings else None

    @property
    def handling(self) -> float | None:
        """The mean time that a decision took, of those of which it is known."""
        return self.sums["timed_sum"] / self.timed if self.timed else None

    @property
    def long_decisions(self) -> int:
        """Decisions on long arguments of which the time is known."""
        return self.observed("times_long")

    @property
    def hasty_share(self) -> Interval:
        return comparison.share(self.hasty, self.long_decisions)

    @property
    def time_short(self) -> float | None:
        return self.quantile("times_short", 0.5)

    @property
    def time_long(self) -> float | None:
        return self.quantile("times_long", 0.5)

    @property
    def time_long_high(self) -> float | None:
        """Where the true median of the times on long arguments lies at most, with 95 % confidence."""
        high = comparison.quantile(self.histograms.get("times_long", ()), 0.5).high
        return None if high is None else high / 1e9

    def observed(self, name: str) -> int:
        """How many times a histogram holds."""
        return sum(self.histograms.get(name, ())[1::2])

    def quantile(self, name: str, wanted: float) -> float | None:
        """Seconds, exact to the buckets of the histogram, 2 %."""
        (found,) = histogram.quantiles(self.histograms.get(name, ()), [wanted])
        return None if found is None else found / 1e9


@dataclass(frozen=True, kw_only=True)
class Line:
    """One value of a dimension; `label` is how people call it."""

    value: str
    label: str
    figures: Figures


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The whole queue in a window: what came and went, bin by bin, and what that says about it.

    `waiting` is how many are in the queue by these counts, `busiest` the most arrivals in one hour of the window,
    `clear_alone` the seconds until it is empty if nothing more came. `uncounted` came or went since.
    """

    figures: Figures
    bins: list[Figures]
    waiting: int
    busiest: int
    little: Little
    clear: float | None
    clear_alone: float | None
    uncounted: int


def window(asked: TimeRange) -> TimeRange:
    """The whole hours or days (UTC) that a range of the page stands for."""
    step = timedelta(seconds=HOUR if asked.length <= LONGEST_BY_HOUR else DAY)
    return TimeRange(
        start=floor(asked.start, step), end=ceil(asked.end, step), step=step, now=asked.now, preset=asked.preset, tz=UTC
    )


def summary(project: Project, asked: TimeRange) -> Summary:
    """The figures of the whole queue in a window, as `window` makes it. Five queries, whatever the traffic."""
    chosen = _chosen(project, asked, Dimension.ALL).order_by("start")
    rows = list(chosen.values("start", "arrivals_offset", "closings_offset", *SUMS, packed=Binary("waits")))
    by_start = {row["start"]: Figures(row, {"waits": words(row["packed"])}) for row in rows}
    whole = Figures({name: sum(row[name] for row in rows) for name in SUMS}, {"waits": _together(by_start.values())})
    seconds = asked.elapsed_seconds
    now_waiting = _level(project)
    came, went = _since(project, asked)
    flows = [
        Flow(
            start=row["start"].timestamp(),
            arrivals=row["arrivals"],
            arrivals_offset=row["arrivals_offset"],
            closings=row["closings"],
            closings_offset=row["closings_offset"],
        )
        for row in rows
    ]
    start, until = asked.start.timestamp(), max(asked.until.timestamp(), asked.start.timestamp() + 1)
    length = queueing.mean_length(now_waiting - came + went, flows, start, until)
    arrivals, closings = whole.arrivals / seconds, whole.closings / seconds
    return Summary(
        figures=whole,
        bins=[by_start.get(at, Figures()) for at in asked.bins()],
        waiting=now_waiting,
        busiest=_busiest(project, asked),
        little=Little(length=length, rate=arrivals, stay=whole.stay),
        clear=queueing.time_to_clear(now_waiting, arrivals=arrivals, closings=closings),
        clear_alone=queueing.time_to_clear(now_waiting, arrivals=0.0, closings=closings),
        uncounted=FlowEntry.objects.filter(project=project)[:BACKLOG_CAP].count(),
    )


def lines(project: Project, asked: TimeRange, by: Dimension, *, only: str = "") -> tuple[list[Line], int]:
    """The values of a dimension in a window, the busiest first, at most MOST_LINES, and how many more there are.

    `only` leaves one value. Two queries and, for reviewers, one for their names.
    """
    rows = _chosen(project, asked, by)
    if only:
        rows = rows.filter(value=only)
    ranked = list(
        rows.values("value")
        .annotate(busy=Sum(F("arrivals") + F("closings") + F("decisions")))
        .order_by("-busy", "value")
        .values_list("value", flat=True)
    )
    shown = ranked[:MOST_LINES]
    of_value = _added(rows.filter(value__in=shown), ["waits", *(TIMES if by is Dimension.REVIEWER else ())])
    names = _names(shown) if by is Dimension.REVIEWER else {}
    found = [Line(value=value, label=names.get(value, value), figures=of_value[value]) for value in shown]
    return found, len(ranked) - len(shown)


def staffing(found: Summary, *, target: float, share: float) -> dict[str, Staffing | None]:
    """People needed so that `share` of the requests wait at most `target` seconds for one of them, by the mean rate of
    arrivals (`mean`) and that of the busiest hour (`busiest`); empty where the handling time is not known."""
    handling = found.figures.handling
    by_people = found.figures.arrivals - found.figures.automatic
    if not handling or by_people <= 0:
        return {}
    for_people = by_people / found.figures.arrivals
    rates = {"mean": found.little.rate * for_people, "busiest": found.busiest / HOUR * for_people}
    return {
        name: queueing.people_needed(rate=rate, handling=handling, target=target, share=share)
        for name, rate in rates.items()
    }


def has_any(project: Project) -> bool:
    """Whether anything was ever asked in the project."""
    return (
        FlowRollup.objects.filter(project=project, seconds=EVER).exists()
        or FlowEntry.objects.filter(project=project).exists()
    )


def _chosen(project: Project, asked: TimeRange, dimension: Dimension) -> QuerySet[FlowRollup]:
    return FlowRollup.objects.filter(
        project=project,
        seconds=int(asked.step.total_seconds()),
        dimension=dimension,
        start__gte=asked.start,
        start__lt=asked.end,
    )


def _together(figures: Iterable[Figures]) -> Sequence[int]:
    return histogram.merge(one.histograms["waits"] for one in figures)


class Binary(Func):
    """A histogram as `metrics.selectors.rollups.words` reads it: an array's binary form without its header."""

    template = "substr(array_send(%(expressions)s), 21)"
    output_field = BinaryField()


class Packed(Aggregate):
    """The histograms of all rows of a group as `metrics.selectors.rollups.merged` reads them, one after the other."""

    template = f"string_agg({Binary.template}, ''::bytea)"
    output_field = BinaryField()


def _added(rows: QuerySet[FlowRollup], histograms: Sequence[str]) -> dict[str, Figures]:
    """The sums of rows by their value. One query: a year of rows is added up where it lies."""
    sums = {f"sum_{name}": Sum(name) for name in SUMS}
    packed = {f"packed_{name}": Packed(name) for name in histograms}
    found: Iterable[Any] = rows.order_by().values("value").annotate(**sums, **packed)
    return {
        row["value"]: Figures(
            {name: row[f"sum_{name}"] for name in SUMS},
            {name: merged([row[f"packed_{name}"]]) for name in histograms},
        )
        for row in found
    }


def _level(project: Project) -> int:
    row = FlowRollup.objects.filter(project=project, seconds=EVER).first()
    return row.arrivals - row.closings if row else 0


def _since(project: Project, asked: TimeRange) -> tuple[int, int]:
    """Arrivals and closings from the start of a window until now."""
    step = int(asked.step.total_seconds())
    rows = FlowRollup.objects.filter(
        project=project, seconds=step, dimension=Dimension.ALL, start__gte=asked.start
    ).aggregate(came=Sum("arrivals"), went=Sum("closings"))
    return rows["came"] or 0, rows["went"] or 0


def _busiest(project: Project, asked: TimeRange) -> int:
    rows = FlowRollup.objects.filter(
        project=project, seconds=HOUR, dimension=Dimension.ALL, start__gte=asked.start, start__lt=asked.end
    )
    return rows.aggregate(most=Max("arrivals"))["most"] or 0


def _names(values: Sequence[str]) -> dict[str, str]:
    people = User.objects.filter(pk__in=[int(value) for value in values if value.isdecimal()])
    return {str(person.pk): str(person) for person in people}
