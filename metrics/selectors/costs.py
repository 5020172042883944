"""What was spent on what, in UTC days: out of the rollups by model, agent and environment, of the daily spend by
user, tag and team. A handful of queries, however many values there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Case, CharField, Expression, F, Max, Q, QuerySet, Sum, Value, When

from metrics.ingest.semconv import MODEL_KINDS
from metrics.models import Spend
from metrics.ranges import TimeRange
from metrics.resolutions import OTHER
from metrics.selectors import rollups
from metrics.selectors.rollups import Bin
from metrics.selectors.series import SPEND_DIMENSIONS
from metrics.times import EPOCH

BY = ("model", "agent", "user", "tag", "team", "environment", "day")
FIGURES = (
    "cost_nanos", "unpriced_count", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens",
)  # fmt: skip
# The values that the chart tells apart.
CHARTED = 6
# As many days before as there are complete ones, the complete ones, and the day that is not over.
BEFORE, COMPLETE, RUNNING = range(3)


@dataclass(slots=True)
class Spent:
    """What was spent on one value, or on all. Of `before` and `compared` only whole days, as many before as compared.

    `requests` are what the cost is divided by: requests, calls of a model, or traces.
    """

    value: str = ""
    cost_nanos: int = 0
    unpriced_count: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    requests: int = 0
    before_nanos: int = 0
    compared_nanos: int = 0
    # How many values of the busiest day this line stands for.
    values: int = 1
    share: float = 0.0

    def add(self, figures: Sequence[int | None], phase: int) -> None:
        """Adds the fields from the cost to the requests, of one phase."""
        if phase == BEFORE:
            self.before_nanos += int(figures[0] or 0)
            return
        if phase == COMPLETE:
            self.compared_nanos += int(figures[0] or 0)
        for name, value in zip((*FIGURES, "requests"), figures, strict=True):
            setattr(self, name, getattr(self, name) + int(value or 0))

    @property
    def cached_tokens(self) -> int:
        return self.cache_read_tokens + self.cache_write_tokens

    @property
    def fresh_tokens(self) -> int:
        """Input that came from no cache and went into none."""
        return max(self.input_tokens - self.cached_tokens, 0)

    @property
    def per_request_nanos(self) -> int | None:
        """None also where all that there is to share is unpriced."""
        unknown = self.unpriced_count and not self.cost_nanos
        return round(self.cost_nanos / self.requests) if self.requests and not unknown else None

    @property
    def share_percent(self) -> int:
        return round(self.share * 100)


@dataclass(frozen=True, slots=True)
class Costs:
    """The lines, costliest first, all together, and nano-USD per day of the first CHARTED lines and of the others."""

    lines: list[Spent]
    total: Spent
    charted: list[tuple[str, list[int]]]
    rest: list[int] = field(default_factory=list)


def of(project_id: int, window: TimeRange, by: str) -> Costs:
    """What was spent in a range of whole UTC days by one of BY."""
    days = window.bins()
    if by == "day":
        return _by_day(project_id, window)
    source = _source(project_id, window, by)
    lines: dict[str, Spent] = {}
    total = Spent()
    for phase, value, values, *figures in source.phases(window):
        line = lines.setdefault(value, Spent(value=value, values=1))
        line.add(figures, phase)
        line.values = max(line.values, values)
        total.add(figures, phase)
    if by == "tag":
        # A trace with several tags would be in the total several times.
        total = Spent()
        for phase, _, _, *figures in _source(project_id, window, "user").phases(window):
            total.add(figures, phase)
    ranked = sorted(lines.values(), key=_place)
    for line in ranked:
        line.share = line.cost_nanos / total.cost_nanos if total.cost_nanos else 0.0
    shown = [line for line in ranked if line.requests or line.cost_nanos or line.input_tokens]
    top = [line.value for line in shown[:CHARTED] if line.value != OTHER]
    charted = {value: [0] * len(days) for value in top}
    rest = [0] * len(days)
    for place, value, cost in source.daily(window, top):
        (rest if value is None else charted[value])[place] += int(cost)
    return Costs(shown, total, list(charted.items()), rest)


def _place(line: Spent) -> tuple[bool, int, int, str]:
    """Costliest first; what stands for many comes last."""
    return line.value == OTHER, -line.cost_nanos, -line.input_tokens, line.value


def _by_day(project_id: int, window: TimeRange) -> Costs:
    rows = _source(project_id, window, "model").rows(window.bins(), window.end)
    found = {row[0]: row[1:] for row in rows.values_list("bin").annotate(**_sums("requests")).order_by()}
    lines, total = [], Spent()
    for place, start in enumerate(window.bins()):
        line = Spent(value=start.date().isoformat())
        if place in found:
            line.add(found[place], RUNNING)
            total.add(found[place], RUNNING)
        lines.append(line)
    for line in lines:
        line.share = line.cost_nanos / total.cost_nanos if total.cost_nanos else 0.0
    begun = lines[: window.past_bins()]
    return Costs(begun[::-1], total, [("", [line.cost_nanos for line in lines])])


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the figures by one dimension are: rollups, or the daily spend."""

    project_id: int
    by: str
    state: Any = None

    @property
    def column(self) -> str:
        return "value" if self.by in SPEND_DIMENSIONS else self.by

    def rows(self, starts: Sequence[datetime], end: datetime) -> QuerySet[Any]:
        """Rows with the number of their `bin`."""
        edges = [*starts, end]
        if self.by in SPEND_DIMENSIONS:
            dates: list[date] = [edge.date() for edge in edges]
            rows = Spend.objects.filter(
                project_id=self.project_id, dimension=self.by, day__gte=dates[0], day__lt=dates[-1]
            )
            return rows.annotate(bin=Bin(dates, "day"))
        return rollups.rows(self.project_id, rollups.cover(edges, self.state)).annotate(bin=Bin(edges))

    def phases(self, window: TimeRange) -> list[tuple[Any, ...]]:
        """Phase, value, how many values it stands for, and figures."""
        starts, _ = phases(window)
        values: Expression = Max("value_count") if self.by in SPEND_DIMENSIONS else Max(Value(1))
        rows = self.rows(starts, window.end).values_list("bin", self.column)
        found = rows.annotate(values=values, **_sums(_requests(self.by))).order_by()
        return [(RUNNING if len(starts) == 1 else row[0], *row[1:]) for row in found]

    def daily(self, window: TimeRange, top: Sequence[str]) -> list[tuple[Any, ...]]:
        """Day, one of the `top` values or None for all others, and cost."""
        rows = self.rows(window.bins(), window.end)
        kept = When(**{f"{self.column}__in": list(top)}, then=F(self.column))
        charted = Case(kept, default=None, output_field=CharField(null=True))
        found = rows.annotate(charted=charted).values_list("bin", "charted").annotate(cost=Sum("cost_nanos"))
        return list(found.order_by())


def _source(project_id: int, window: TimeRange, by: str) -> _Source:
    if by in SPEND_DIMENSIONS:
        return _Source(project_id, by)
    starts, _ = phases(window)
    return _Source(project_id, by, rollups.state(project_id, starts[0], window.end))


def phases(window: TimeRange) -> tuple[list[datetime], int]:
    """The starts of the days before, of the complete days and of the day that runs, and how many complete days.

    Without a complete day only the last one.
    """
    today = window.now.replace(hour=0, minute=0, second=0, microsecond=0)
    running = min(max(today, window.start), window.end)
    complete = (running - window.start).days
    if not complete:
        return [window.start], 0
    before = max(window.start - timedelta(days=complete), EPOCH)
    return [before, window.start, *([running] if running < window.end else [])], complete


def _requests(by: str) -> str:
    return {"model": "calls", **dict.fromkeys(SPEND_DIMENSIONS, "traces")}.get(by, "requests")


def _sums(requests: str) -> Mapping[str, Any]:
    counted = {
        "requests": Sum("span_count", filter=Q(entry=True)),
        "calls": Sum("span_count", filter=Q(kind__in=sorted(MODEL_KINDS))),
        "traces": Sum("trace_count") if requests == "traces" else None,
    }[requests]
    return {**{f"sum_{name}": Sum(name) for name in FIGURES}, "counted": counted}


def computed_at(project_id: int, window: TimeRange) -> datetime | None:
    """When the spend of the last day of the range that has any was computed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT computed_at FROM metrics_spend_day WHERE project_id = %s AND day >= %s AND day < %s "
            "ORDER BY day DESC LIMIT 1",
            [project_id, window.start.date(), window.end.date()],
        )
        row = cursor.fetchone()
    return row[0] if row else None
