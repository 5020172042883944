"""Time series out of the rollups and the daily spend: a few queries, whatever the number of models, agents or spans."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Func, IntegerField, Q, QuerySet, Sum

from metrics import histogram
from metrics.models import Spend
from metrics.selectors import rollups
from metrics.times import EPOCH, NS_PER_MS

# Which rows of the rollups a scope means. Model calls are everything that a model answered.
SCOPES: dict[str, dict[str, Any]] = {
    "request": {"entry": True},
    "model": {"kind__in": ["llm", "embedding", "reranker"]},
    "tool": {"kind": "tool"},
    "span": {},
}
DIMENSIONS = ("agent", "agent_version", "environment", "kind", "name", "model", "provider", "status")
# What only the daily spend knows.
SPEND_DIMENSIONS = ("user", "team", "tag")
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
SUM, RATE, AVERAGE = "sum", "rate", "avg"
AGGREGATIONS = (SUM, RATE, AVERAGE, *QUANTILES)
# More lines than this cannot be told apart; the rest is counted, not shown.
MOST_GROUPS = 50
# Histograms that are unfolded together.
ROWS_AT_ONCE = 1_000
NANOS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Metric:
    """What can be asked for. `column` is the summed column, `scale` divides it into `unit`.

    `scoped` metrics follow the scope of the question; tokens and money count each usage once wherever it was reported.
    """

    unit: str
    column: str
    scoped: bool
    scale: int = 1
    aggregations: tuple[str, ...] = (SUM, RATE)

    @property
    def in_spend(self) -> bool:
        """Whether the daily spend knows it too."""
        return not self.scoped


METRICS: dict[str, Metric] = {
    "requests": Metric("requests", "span_count", True),
    "errors": Metric("errors", "error_count", True),
    "latency_ms": Metric("ms", "duration_sum_ns", True, NS_PER_MS, ("p95", "p50", "p99", AVERAGE)),
    "duration_ms": Metric("ms", "duration_sum_ns", True, NS_PER_MS, (SUM,)),
    "cost_usd": Metric("USD", "cost_nanos", False, NANOS),
    "unpriced_calls": Metric("calls", "unpriced_count", False),
    "input_tokens": Metric("tokens", "input_tokens", False),
    "output_tokens": Metric("tokens", "output_tokens", False),
    "cache_read_tokens": Metric("tokens", "cache_read_tokens", False),
    "cache_write_tokens": Metric("tokens", "cache_write_tokens", False),
    "reasoning_tokens": Metric("tokens", "reasoning_tokens", False),
}


@dataclass(frozen=True, slots=True)
class Question:
    """A series request that has been checked: names are known, `start` and `end` lie on bins of `step`.

    With a dimension of the daily spend in `group_by` or `filters` that is the only one, and the bins are UTC days.
    """

    project_id: int
    metric: str
    aggregation: str
    scope: str
    start: datetime
    end: datetime
    step: timedelta
    now: datetime
    group_by: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    compare: bool = False

    @property
    def unit(self) -> str:
        unit = METRICS[self.metric].unit
        return f"{unit}/s" if self.aggregation == RATE else unit

    @property
    def spend(self) -> str:
        """The dimension of the daily spend that is asked about; "" for questions to the rollups."""
        return next((name for name in SPEND_DIMENSIONS if name == self.group_by or name in self.filters), "")

    @property
    def bins(self) -> int:
        return round((self.end - self.start) / self.step)


@dataclass(frozen=True, slots=True)
class Line:
    """One series: its labels and a value per bin. None: nothing was measured, or the bin has not begun."""

    labels: dict[str, str]
    points: list[tuple[datetime, float | int | None]]


@dataclass(frozen=True, slots=True)
class Answer:
    """The lines, largest first, how many were left out, and the same lines of the period before at the same times."""

    lines: list[Line]
    omitted: int
    previous: list[Line] = field(default_factory=list)


class Step(Func):
    """The number of the bin of whole seconds from `start` on that a row belongs to; negative before `start`."""

    output_field = IntegerField()

    def __init__(self, column: str, start: datetime, step: timedelta) -> None:
        origin, length = int((start - EPOCH).total_seconds()), int(step.total_seconds())
        super().__init__(
            column, template=f"floor((extract(epoch FROM %(expressions)s) - {origin}) / {length})::integer"
        )


def ask(question: Question) -> Answer:
    """Answers a question: at most three queries."""
    earliest = question.start - (question.end - question.start) if question.compare else question.start
    source = _spend(question, earliest) if question.spend else _rollups(question, earliest)
    groups, omitted = [""], 0
    rows = source.rows
    if question.group_by:
        groups, omitted = _largest(question, source)
        rows = rows.filter(**{f"{source.group}__in": groups})
    found = _values(question, source, rows)
    count = question.bins
    lines = [_line(question, group, found, range(count)) for group in groups]
    before = [_line(question, group, found, range(-count, 0)) for group in groups] if question.compare else []
    return Answer(lines, omitted, before)


@dataclass(frozen=True, slots=True)
class _Source:
    """Rows to sum up: those of all bins with their `bin`, those of the present period, and the column of the group."""

    rows: QuerySet[Any]
    present: QuerySet[Any]
    group: str


def _rollups(question: Question, earliest: datetime) -> _Source:
    state = rollups.state(question.project_id, earliest, question.end)
    conditions = dict(question.filters)
    if METRICS[question.metric].scoped:
        conditions |= SCOPES[question.scope]
    count = round((question.end - earliest) / question.step)
    edges = [earliest + index * question.step for index in range(count + 1)]
    rows = rollups.rows(question.project_id, rollups.cover(edges, state), **conditions)
    present = rollups.rows(question.project_id, rollups.cover([question.start, question.end], state), **conditions)
    return _Source(rows.annotate(bin=Step("start", question.start, question.step)), present, question.group_by)


def _spend(question: Question, earliest: datetime) -> _Source:
    rows = Spend.objects.filter(
        project_id=question.project_id, dimension=question.spend, day__gte=earliest.date(), day__lt=question.end.date()
    )
    if question.filters:
        rows = rows.filter(value=question.filters[question.spend])
    binned = rows.annotate(bin=Step("day", question.start, question.step))
    return _Source(binned, rows.filter(day__gte=question.start.date()), "value")


def _largest(question: Question, source: _Source) -> tuple[list[str], int]:
    """The values of the group with most of the metric, and how many others there are."""
    column = METRICS[question.metric].column
    # What was corrected to nothing is nothing.
    seen = Count("*") if question.spend else Sum("span_count")
    weight = Sum("span_count") if question.aggregation in (AVERAGE, *QUANTILES) else Sum(column)
    ranked = source.present.values_list(source.group).annotate(seen=seen, weight=weight)
    found = list(ranked.filter(~Q(seen=0) | ~Q(weight=0)).order_by("-weight", source.group))
    return [row[0] for row in found[:MOST_GROUPS]], max(len(found) - MOST_GROUPS, 0)


def _values(question: Question, source: _Source, rows: QuerySet[Any]) -> Mapping[str, Mapping[int, float | int]]:
    """The value of every group and bin in which something was measured."""
    binned = rows.values_list("bin", *([source.group] if question.group_by else []))
    metric = METRICS[question.metric]
    if question.aggregation in QUANTILES:
        return _quantiles(list(binned.annotate(all=rollups.Durations()).order_by()), QUANTILES[question.aggregation])
    found: dict[str, dict[int, float | int]] = defaultdict(dict)
    if question.aggregation == AVERAGE:
        for place, *group, total, count in binned.annotate(total=Sum(metric.column), n=Sum("span_count")).order_by():
            if count:
                found[_name(group)][place] = round(int(total) / count / metric.scale, 3)
        return found
    divisor = metric.scale * (question.step.total_seconds() if question.aggregation == RATE else 1)
    for place, *group, total in binned.annotate(total=Sum(metric.column)).order_by():
        found[_name(group)][place] = int(total) if divisor == 1 else int(total) / divisor
    return found


def _quantiles(rows: Sequence[tuple[Any, ...]], share: float) -> Mapping[str, Mapping[int, float | int]]:
    found: dict[str, dict[int, float | int]] = defaultdict(dict)
    # A table has a column for every bucket: of all lines at once it could be as large as the memory.
    for first in range(0, len(rows), ROWS_AT_ONCE):
        part = rows[first : first + ROWS_AT_ONCE]
        table = rollups.table([(index, row[-1]) for index, row in enumerate(part)], len(part))
        for (place, *group, _), [nanoseconds] in zip(part, histogram.quantiles_of_rows(table, [share]), strict=True):
            if nanoseconds is not None:
                found[_name(group)][place] = round(nanoseconds / NS_PER_MS, 3)
    return found


def _name(group: Sequence[str]) -> str:
    return group[0] if group else ""


def _line(question: Question, group: str, found: Mapping[str, Mapping[int, float | int]], places: range) -> Line:
    """A value for every bin: without a measurement nothing for latency, else zero if the bin has begun."""
    values = found.get(group, {})
    empty = None if question.metric == "latency_ms" else 0
    points: list[tuple[datetime, float | int | None]] = []
    for index, place in enumerate(places):
        begun = question.start + place * question.step <= question.now
        points.append((question.start + index * question.step, values.get(place, empty if begun else None)))
    return Line(labels={question.group_by: group} if question.group_by else {}, points=points)
