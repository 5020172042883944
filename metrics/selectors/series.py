"""Time series out of the minute rollups: one query per call, whatever the number of models, agents or minutes."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import DateTimeField, Expression, Func, QuerySet, Sum, Value

from metrics import histogram
from metrics.models import Rollup
from metrics.times import EPOCH, NS_PER_MS

# Which rows of the rollups a scope means. Model calls are everything that a model answered.
SCOPES: dict[str, dict[str, Any]] = {
    "request": {"entry": True},
    "model": {"kind__in": ["llm", "embedding", "reranker"]},
    "tool": {"kind": "tool"},
    "span": {},
}
DIMENSIONS = ("agent", "agent_version", "environment", "kind", "name", "model", "provider")
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
AGGREGATIONS = ("sum", "rate", *QUANTILES)
# More lines than this cannot be told apart; the rest is counted, not shown.
MOST_GROUPS = 50
NANOS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Metric:
    """What can be asked for. `column` is the summed rollup column ("" for latency), `scale` divides it into `unit`.

    `scoped` metrics follow the scope of the question; tokens and money count each usage once wherever it was reported.
    """

    unit: str
    column: str
    scoped: bool
    scale: int = 1


METRICS: dict[str, Metric] = {
    "requests": Metric("requests", "span_count", True),
    "errors": Metric("errors", "error_count", True),
    "latency_ms": Metric("ms", "", True),
    "cost_usd": Metric("USD", "cost_nanos", False, NANOS),
    "input_tokens": Metric("tokens", "input_tokens", False),
    "output_tokens": Metric("tokens", "output_tokens", False),
    "cache_read_tokens": Metric("tokens", "cache_read_tokens", False),
    "cache_write_tokens": Metric("tokens", "cache_write_tokens", False),
    "reasoning_tokens": Metric("tokens", "reasoning_tokens", False),
}


@dataclass(frozen=True, slots=True)
class Question:
    """A series request that has been checked: names are known, `start` and `end` lie on bins of `step`."""

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

    @property
    def unit(self) -> str:
        unit = METRICS[self.metric].unit
        return f"{unit}/s" if self.aggregation == "rate" else unit


@dataclass(frozen=True, slots=True)
class Line:
    """One series: its labels and a value per bin. None: nothing was measured, or the bin has not begun."""

    labels: dict[str, str]
    points: list[tuple[datetime, float | int | None]]


@dataclass(frozen=True, slots=True)
class Answer:
    """The lines, largest first, and how many were left out."""

    lines: list[Line]
    omitted: int


class DateBin(Func):
    """PostgreSQL's date_bin: the start of the bin of `step` that a moment lies in."""

    function = "date_bin"
    output_field = DateTimeField()

    def __init__(self, step: timedelta, moment: str | Expression, origin: datetime = EPOCH) -> None:
        super().__init__(Value(step), moment, Value(origin))


def rollups(project_id: int, start: datetime, end: datetime, **conditions: Any) -> QuerySet[Rollup]:
    """Rollup rows of the minutes from `start` to before `end`."""
    return Rollup.objects.filter(project_id=project_id, seconds=60, start__gte=start, start__lt=end, **conditions)


def ask(question: Question) -> Answer:
    """Answers a question with one query."""
    metric = METRICS[question.metric]
    conditions = dict(question.filters)
    if metric.scoped:
        conditions |= SCOPES[question.scope]
    rows = rollups(question.project_id, question.start, question.end, **conditions)
    if question.aggregation in QUANTILES:
        return _percentiles(question, rows)
    return _sums(question, rows, metric)


def _sums(question: Question, rows: QuerySet[Rollup], metric: Metric) -> Answer:
    groups = [question.group_by] if question.group_by else []
    binned = rows.annotate(bin=DateBin(question.step, "start")).values_list("bin", *groups)
    found: dict[str, dict[datetime, int]] = defaultdict(dict)
    for row in binned.annotate(total=Sum(metric.column)).order_by():
        found[row[1] if groups else ""][row[0].astimezone(UTC)] = int(row[-1])
    divisor = metric.scale * (question.step.total_seconds() if question.aggregation == "rate" else 1)

    def value(total: int) -> float | int:
        return total if divisor == 1 else total / divisor

    weights = {group: sum(bins.values()) for group, bins in found.items()}
    values = {group: {moment: value(total) for moment, total in bins.items()} for group, bins in found.items()}
    return _lines(question, values, weights, empty=0)


def _percentiles(question: Question, rows: QuerySet[Rollup]) -> Answer:
    groups = [question.group_by] if question.group_by else []
    merged = merged_histograms(rows, question.step, groups)
    quantile = [QUANTILES[question.aggregation]]
    values: dict[str, dict[datetime, float | int]] = defaultdict(dict)
    weights: dict[str, int] = defaultdict(int)
    for (moment, *rest), pairs in merged.items():
        group = rest[0] if rest else ""
        nanoseconds = histogram.quantiles(pairs, quantile)[0]
        if nanoseconds is not None:
            values[group][moment] = round(nanoseconds / NS_PER_MS, 3)
            weights[group] += sum(pairs[1::2])
    return _lines(question, values, weights, empty=None)


def merged_histograms(
    rows: QuerySet[Rollup], step: timedelta, groups: Sequence[str] = (), origin: datetime = EPOCH
) -> dict[tuple[Any, ...], list[int]]:
    """The histogram of durations per (bin, *groups), merged over all other dimensions. One query."""
    parts: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    binned = rows.annotate(bin=DateBin(step, "start", origin)).values_list("bin", *groups, "histogram")
    for moment, *rest, pairs in binned.order_by().iterator(chunk_size=10_000):
        parts[(moment.astimezone(UTC), *rest)].extend(pairs)
    return {key: histogram.merge([flat]) for key, flat in parts.items()}


def _lines(
    question: Question,
    found: Mapping[str, Mapping[datetime, float | int]],
    weights: Mapping[str, int],
    *,
    empty: int | None,
) -> Answer:
    """Lines with a value for every bin, `empty` where nothing was found in a bin that has begun."""
    groups = sorted(found, key=lambda group: (-weights[group], group)) if question.group_by else [""]
    count = round((question.end - question.start) / question.step)
    bins = [question.start + index * question.step for index in range(count)]
    lines = []
    for group in groups[:MOST_GROUPS]:
        values = found.get(group, {})
        points = [(moment, values.get(moment, empty if moment <= question.now else None)) for moment in bins]
        lines.append(Line(labels={question.group_by: group} if question.group_by else {}, points=points))
    return Answer(lines=lines, omitted=max(len(groups) - MOST_GROUPS, 0))
