"""Metric points over time: rates, sums and quantiles of what senders measured. Never part of the totals of spans.

What can be added up by PostgreSQL is; increases of cumulative series and merged buckets are computed from the points
(`metrics.points`). Every question reads a bounded number of points and is refused when there are more.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from django.db import connection

from console.lib.sql import load
from metrics.ingest.packing import Unreadable, unpack
from metrics.models import Metric
from metrics.points import buckets
from metrics.points.buckets import Buckets, Layout
from metrics.points.increase import Increment, Sample, Vector, increments, spread
from metrics.ranges import ParameterError
from metrics.selectors import catalogue
from metrics.selectors.series import MOST_GROUPS, Line
from metrics.times import NS_PER_DAY, to_ns

# Points that one question may read: added up by PostgreSQL, compared one by one, and unpacked.
MOST_ADDED = 500_000
MOST_COMPARED = 100_000
MOST_UNPACKED = 20_000
# How far before the range the point is looked for that the first one inside is compared with.
LOOK_BACK_NS = NS_PER_DAY
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
LEVELS = ("avg", "min", "max", "last")
COUNTS = ("rate", "increase")
OF_BUCKETS = ("p95", "p50", "p90", "p99", "avg", "rate", "count", "sum")
OF_SUMMARY = ("quantiles", "avg", "rate", "count", "sum")
# Column that each figure of a histogram or summary is made from.
FIELDS = {"rate": "counted", "count": "counted", "sum": "total"}

Values = dict[int, dict[int, float]]  # by group and bin


@dataclass(frozen=True, slots=True)
class PointQuestion:
    """A question that has been checked; `start` and `end` lie on bins of `step`."""

    metric: Metric
    aggregation: str
    start: datetime
    end: datetime
    step: timedelta
    now: datetime
    where: tuple[tuple[str, str], ...] = ()
    group_by: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        if self.aggregation == "rate":
            return f"{'1' if self.metric.kind != 'sum' else self.metric.unit or '1'}/s"
        return "1" if self.aggregation == "count" else self.metric.unit

    @property
    def start_ns(self) -> int:
        return to_ns(self.start)

    @property
    def step_ns(self) -> int:
        return to_ns(self.start + self.step) - self.start_ns

    @property
    def bins(self) -> int:
        return round((self.end - self.start) / self.step)


@dataclass(frozen=True, slots=True)
class PointAnswer:
    """Lines, largest first; how many lines and series were left out; what the reader should know of the figures."""

    lines: list[Line]
    omitted_lines: int = 0
    omitted_series: int = 0
    notes: list[str] = field(default_factory=list)


class Point(NamedTuple):
    """A stored point on its way into a figure."""

    number: int
    group: int
    time_ns: int
    start_ns: int | None
    value: float | None
    counted: int | None
    total: float | None
    packed: bytes | None


def aggregations(metric: Metric) -> tuple[str, ...]:
    """What can be asked of a metric, the default first."""
    if metric.kind == "gauge":
        return LEVELS
    if metric.kind == "sum":
        is_level = metric.temporality == "cumulative" and not metric.monotonic
        return ("last", "increase") if is_level else COUNTS
    return OF_SUMMARY if metric.kind == "summary" else OF_BUCKETS


def ask(question: PointQuestion) -> PointAnswer:
    """Answers a question. Raises ParameterError when it is about too much, or about what cannot be merged."""
    chosen = catalogue.choose(
        question.metric,
        start_ns=question.start_ns,
        end_ns=to_ns(question.end),
        where=question.where,
        group_by=question.group_by,
    )
    labels = chosen.labels
    notes: list[str] = []
    if not chosen.ids:
        return PointAnswer([])
    if question.aggregation in QUANTILES:
        values = _quantiles(question, chosen, notes)
    elif question.aggregation == "quantiles":
        values, labels = _sent_quantiles(question, chosen)
    elif question.aggregation in LEVELS and question.metric.kind in {"gauge", "sum"}:
        values = _levels(question, chosen)
    elif question.aggregation == "avg":
        counts, totals = (_counted(question, chosen, name) for name in ("counted", "total"))
        values = _each(totals, lambda group, place, total: _ratio(total, counts.get(group, {}).get(place)))
    else:
        values = _counted(question, chosen, _field(question))
        if question.aggregation == "rate":
            values = _each(values, lambda _, place, amount: amount / _seconds(question, place))
    lines = _lines(question, labels, values)
    return PointAnswer(lines[:MOST_GROUPS], max(len(lines) - MOST_GROUPS, 0), chosen.omitted, notes)


def _field(question: PointQuestion) -> str:
    return "value" if question.metric.kind == "sum" else FIELDS[question.aggregation]


def _each(values: Values, turn: Callable[[int, int, float], float | None]) -> Values:
    turned = {group: {bin: turn(group, bin, one) for bin, one in bins.items()} for group, bins in values.items()}
    return {group: {bin: one for bin, one in bins.items() if one is not None} for group, bins in turned.items()}


def _ratio(total: float, count: float | None) -> float | None:
    return total / count if count else None


def _seconds(question: PointQuestion, bin: int) -> float:
    """How much of a bin has passed, at least a second: the present one is not over."""
    begun = question.start + bin * question.step
    return max(min(question.step, question.now - begun).total_seconds(), 1.0)


def _counted(question: PointQuestion, chosen: catalogue.Chosen, name: str) -> Values:
    """What was added by group and bin: sums of delta points, increases of cumulative ones."""
    if question.metric.temporality == "delta":
        rows = _binned(question, chosen, name)
        return _by_group((group, bin, total) for group, bin, _, total, *_ in rows if total is not None)
    counters = 0 if name == "total" or not (question.metric.monotonic or name == "counted") else 1
    found: Values = defaultdict(lambda: defaultdict(float))
    for points in _series(question, chosen, most=MOST_COMPARED):
        samples = []
        for point in points:
            value = getattr(point, name)
            if value is not None and np.isfinite(value):
                # A sum of values may fall; whether the series began again shows in their count.
                pair = [float(point.counted or 0), float(value)] if name == "total" else [float(value)]
                samples.append(Sample(point.time_ns, point.start_ns, np.array(pair)))
        grown = increments(samples, counters=1 if name == "total" else counters)
        _add(found[points[0].group], grown, question, size=2 if name == "total" else 1)
    return found


def _add(bins: dict[int, float], grown: list[Increment], question: PointQuestion, *, size: int) -> None:
    table = spread(grown, start_ns=question.start_ns, step_ns=question.step_ns, bins=question.bins, size=size)
    touched = {place for one in grown for place in _places(one, question)}
    for place in touched:
        bins[place] = bins.get(place, 0.0) + float(table[place, size - 1])


def _places(one: Increment, question: PointQuestion) -> range:
    """The bins of the question that an increment reaches into."""
    first = (one.begin_ns - question.start_ns) // question.step_ns
    last = (max(one.end_ns - 1, one.begin_ns) - question.start_ns) // question.step_ns
    return range(max(first, 0), min(last, question.bins - 1) + 1)


def _levels(question: PointQuestion, chosen: catalogue.Chosen) -> Values:
    """Gauges and sums that go up and down. The last values of several series: added up for sums, else their mean."""
    added = question.metric.kind == "sum"

    def value(row: tuple[Any, ...]) -> float | None:
        _, _, values, total, low, high, last, lasting = row
        if not values:
            return None
        means = {"avg": total / values, "min": low, "max": high, "last": last if added else last / lasting}
        return float(means[question.aggregation])

    return _by_group((row[0], row[1], value(row)) for row in _binned(question, chosen, "value"))


def _by_group(rows: Iterator[tuple[int, int, float | None]] | Any) -> Values:
    found: Values = defaultdict(dict)
    for group, bin, value in rows:
        if value is not None and np.isfinite(value):
            found[group][bin] = float(value)
    return found


def _quantiles(question: PointQuestion, chosen: catalogue.Chosen, notes: list[str]) -> Values:
    """Quantiles of the merged buckets of each group and bin."""
    by_group: dict[int, list[list[tuple[Point, Buckets | None]]]] = defaultdict(list)
    for points in _series(question, chosen, most=MOST_UNPACKED, packed=True):
        by_group[points[0].group].append([(point, _buckets(question.metric, point)) for point in points])
    share = QUANTILES[question.aggregation]
    found: list[tuple[int, int, float | None]] = []
    coarsened = unreadable = 0
    for group, every in by_group.items():
        readable = [one for points in every for _, one in points if one is not None]
        unreadable += sum(len(points) for points in every) - len(readable)
        layout = buckets.layout_of(readable)
        coarsened += layout.coarsened
        if readable and isinstance(layout, buckets.ExplicitLayout) and not layout.bounds:
            message = "These histograms have no bucket bound in common: filter them, or group them by what differs."
            raise ParameterError("agg", message)
        table = sum((_table(question, layout, points) for points in every), np.zeros((question.bins, layout.size)))
        found += [(group, place, layout.quantile(counts, share)) for place, counts in enumerate(table)]
    if unreadable:
        notes.append(f"{unreadable} points whose buckets contradict themselves are left out.")
    if coarsened:
        notes.append("The buckets of these series differ: they were brought to those that all of a line share.")
    return _by_group(found)


def _buckets(metric: Metric, point: Point) -> Buckets | None:
    if point.packed is None:
        return None
    try:
        return buckets.read(metric.kind, unpack(point.packed), point.counted or 0)
    except Unreadable:
        return None


def _table(question: PointQuestion, layout: Layout, points: list[tuple[Point, Buckets | None]]) -> Vector:
    """The counts of one series by bin and common bucket."""
    samples = []
    for point, one in points:
        counts = None if one is None else buckets.vector(layout, one)
        if counts is not None:
            samples.append(Sample(point.time_ns, point.start_ns, counts))
    if question.metric.temporality == "delta":
        grown = [Increment(one.time_ns, one.time_ns, one.values) for one in samples]
    else:
        grown = increments(samples, counters=layout.size)
    return spread(grown, start_ns=question.start_ns, step_ns=question.step_ns, bins=question.bins, size=layout.size)


def _sent_quantiles(question: PointQuestion, chosen: catalogue.Chosen) -> tuple[Values, list[dict[str, str]]]:
    """The quantiles of summaries as they were sent, the last ones of each bin: one line for each."""
    if len(chosen.ids) > len(chosen.labels):
        message = "The quantiles of several summaries cannot be merged: filter or group until each line is one series."
        raise ParameterError("group_by", message)
    values: Values = defaultdict(dict)
    labels: list[dict[str, str]] = []
    numbers: dict[tuple[int, str], int] = {}
    for points in _series(question, chosen, most=MOST_UNPACKED, packed=True):
        for point in points:
            bin = (point.time_ns - question.start_ns) // question.step_ns
            if bin < 0 or point.packed is None:
                continue
            for quantile, value in _pairs(point.packed):
                key = (point.group, f"{quantile:g}")
                if key not in numbers:
                    numbers[key] = len(labels)
                    labels.append({**chosen.labels[point.group], "quantile": key[1]})
                values[numbers[key]][bin] = value
    return values, labels


def _pairs(packed: bytes) -> list[tuple[float, float]]:
    try:
        found = [(float(quantile), float(value)) for quantile, value in unpack(packed)["quantiles"]]
    except (Unreadable, KeyError, TypeError, ValueError):
        return []
    return [pair for pair in found if np.isfinite(pair).all()][:20]


def _parameters(question: PointQuestion, chosen: catalogue.Chosen, most: int) -> dict[str, Any]:
    return {
        "project": question.metric.project_id,
        "name": question.metric.name,
        "series": chosen.ids,
        "groups": chosen.groups,
        "start_ns": question.start_ns,
        "end_ns": to_ns(question.end),
        "step_ns": question.step_ns,
        "most": most,
    }


def _binned(question: PointQuestion, chosen: catalogue.Chosen, name: str) -> list[tuple[Any, ...]]:
    """(group, bin, values, sum, least, largest, sum of last values, series with one) of what has points."""
    parameters = _parameters(question, chosen, MOST_ADDED) | {"field": name}
    with connection.cursor() as cursor:
        cursor.execute(load("metrics", "points_binned"), parameters)
        rows = cursor.fetchall()
    if sum(points for _, _, points, *_ in rows) > MOST_ADDED:
        raise _too_much(MOST_ADDED)
    return [(group, bin, *rest) for group, bin, _, *rest in rows]


def _series(
    question: PointQuestion, chosen: catalogue.Chosen, *, most: int, packed: bool = False
) -> Iterator[list[Point]]:
    """The points of each series, in order of time, the last one before the range with them."""
    before_ns = question.start_ns - LOOK_BACK_NS
    parameters = _parameters(question, chosen, most) | {"buckets": packed, "before_ns": before_ns}
    with connection.cursor() as cursor:
        cursor.execute(load("metrics", "points_raw"), parameters)
        rows = [Point(*row) for row in cursor.fetchall()]
    if len(rows) > most:
        raise _too_much(most)
    rows.sort(key=lambda point: (point.number, point.time_ns))
    for _, points in groupby(rows, key=lambda point: point.number):
        yield list(points)


def _too_much(most: int) -> ParameterError:
    return ParameterError("from", f"That would read more than {most:,} points: take a shorter range, or filter.")


def _lines(
    question: PointQuestion, labels: list[dict[str, str]], values: Mapping[int, Mapping[int, float]]
) -> list[Line]:
    """A line for every group with points, the largest first, with a value or None for every bin."""
    moments = [question.start + index * question.step for index in range(question.bins)]
    weights = {group: sum(abs(value) for value in bins.values()) for group, bins in values.items() if bins}
    return [
        Line(labels[group], [(moment, values[group].get(bin)) for bin, moment in enumerate(moments)])
        for group in sorted(weights, key=lambda group: (-weights[group], str(labels[group])))
    ]
