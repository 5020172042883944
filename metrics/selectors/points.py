"""Metric points over time: rates, sums and quantiles of what senders measured. Never part of the totals of spans.

What can be added up by PostgreSQL is; increases of cumulative series and merged buckets are computed from the points
(`metrics.points`). Every question reads a bounded number of points and is refused when there are more. What was counted
lies in the bins of the time that it was counted in, whether deltas or totals were sent: a point covers (start, time].
Levels are those of a moment, its time.
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
from metrics.points.increase import Increment, Sample, Vector, delta, increments, spread
from metrics.ranges import ParameterError
from metrics.selectors import catalogue
from metrics.selectors.series import MOST_GROUPS, Line
from metrics.times import NS_PER_DAY, to_ns

# Points that one question may read: added up by PostgreSQL, compared one by one, and unpacked.
MOST_ADDED = 500_000
MOST_COMPARED = 100_000
MOST_UNPACKED = 20_000
# How far around the range the points are looked for that tell what its first and last bins hold.
LOOK_AROUND_NS = NS_PER_DAY
# Values from here on cannot be added up in so many without leaving what a float holds.
LARGEST = 1e300
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
KINDS = ("gauge", "sum", "histogram", "exponential_histogram", "summary")
OF_GAUGE = ("avg", "min", "max", "last", "sum")
OF_SUM = ("rate", "sum")
OF_LEVEL = ("last", "sum", "rate")
OF_BUCKETS = ("p95", "p50", "p90", "p99", "avg", "rate", "count", "sum")
OF_SUMMARY = ("quantiles", "avg", "rate", "count", "sum")
AGGREGATIONS = tuple(dict.fromkeys((*OF_GAUGE, *OF_SUM, *OF_BUCKETS, *OF_SUMMARY)))
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
    def end_ns(self) -> int:
        return to_ns(self.end)

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
    minimum: float | None
    maximum: float | None
    packed: bytes | None


def aggregations(metric: Metric) -> tuple[str, ...]:
    """What can be asked of a metric, the default first."""
    if metric.kind == "gauge":
        return OF_GAUGE
    if metric.kind == "sum":
        is_level = metric.temporality == "cumulative" and not metric.monotonic
        return OF_LEVEL if is_level else OF_SUM
    return OF_SUMMARY if metric.kind == "summary" else OF_BUCKETS


def ask(question: PointQuestion) -> PointAnswer:
    """Answers a question. Raises ParameterError when it is about too much, or about what cannot be merged."""
    chosen = catalogue.choose(
        question.metric,
        start_ns=question.start_ns,
        end_ns=question.end_ns + LOOK_AROUND_NS,
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
    elif question.metric.kind == "gauge" or question.aggregation == "last":
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
    """What was added by group and bin: deltas as they are, increases of cumulative points. Both cover (start, time]."""
    found: Values = defaultdict(lambda: defaultdict(float))
    deltas, totals = (chosen.only(deltas=one) for one in (True, False))
    if deltas.ids:
        for group, bin, amount in _added(question, deltas, name):
            found[group][bin] += amount
    if totals.ids:
        for points in _series(question, totals, most=MOST_COMPARED):
            _add(found[points[0].group], _grown(question, points, name), question)
    return found


def _grown(question: PointQuestion, points: list[Point], name: str) -> list[Increment]:
    """The increases of one cumulative series."""
    # A sum of values may fall; whether the series began again shows in their count.
    counted = name == "total"
    samples = []
    for point in points:
        value = getattr(point, name)
        if value is not None and abs(value) < LARGEST:
            values = [float(point.counted or 0), float(value)] if counted else [float(value)]
            samples.append(Sample(point.time_ns, point.start_ns, np.array(values)))
    never_falls = counted or name == "counted" or question.metric.monotonic
    return increments(samples, counters=1 if never_falls else 0)


def _add(bins: dict[int, float], grown: list[Increment], question: PointQuestion) -> None:
    only = [Increment(one.begin_ns, one.end_ns, one.values[-1:]) for one in grown]
    table = spread(only, start_ns=question.start_ns, step_ns=question.step_ns, bins=question.bins, size=1)
    for place in {place for one in only for place in _places(one, question)}:
        bins[place] = bins.get(place, 0.0) + float(table[place, 0])


def _places(one: Increment, question: PointQuestion) -> range:
    """The bins of the question that an increment reaches into."""
    first = (min(one.begin_ns, one.end_ns - 1) - question.start_ns) // question.step_ns
    last = (one.end_ns - 1 - question.start_ns) // question.step_ns
    return range(max(first, 0), min(last, question.bins - 1) + 1)


def _levels(question: PointQuestion, chosen: catalogue.Chosen) -> Values:
    """Gauges and sums that go up and down. "last" of several series: all together for sums, the mean for gauges."""
    together = question.metric.kind == "sum"

    def value(row: tuple[Any, ...]) -> float | None:
        _, _, _, values, total, low, high, last, lasting = row
        if not values:
            return None
        level = last if together else last / lasting
        return float({"avg": total / values, "min": low, "max": high, "last": level, "sum": last}[question.aggregation])

    rows = _rows(question, chosen, "points_binned", MOST_ADDED)
    _check_most(sum(points for _, _, points, *_ in rows), MOST_ADDED)
    return _by_group((row[0], row[1], value(row)) for row in rows)


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
        table, ends = np.zeros((question.bins, layout.size)), buckets.Extremes(question.bins)
        for series in every:
            table += _table(question, layout, series, ends, deltas=chosen.deltas[series[0][0].number - 1])
        values = (ends.within(place, layout.quantile(counts, share)) for place, counts in enumerate(table))
        found += [(group, place, value) for place, value in enumerate(values)]
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


def _table(
    question: PointQuestion,
    layout: Layout,
    points: list[tuple[Point, Buckets | None]],
    ends: buckets.Extremes,
    *,
    deltas: bool,
) -> Vector:
    """The counts of one series by bin and common bucket. Adds to `ends` between what its values lie."""
    samples = []
    for point, one in points:
        counts = None if one is None else buckets.vector(layout, one)
        if counts is not None:
            samples.append(Sample(point.time_ns, point.start_ns, counts))
    grown = [delta(one) for one in samples] if deltas else increments(samples, counters=layout.size)
    # What a cumulative point says of all its values holds for those that it added.
    said = {point.time_ns: (point.minimum, point.maximum) for point, _ in points}
    for added in grown:
        if added.values.any():
            ends.add(_places(added, question), *said[added.end_ns])
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
            if not 0 <= bin < question.bins or point.packed is None:
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


def _rows(
    question: PointQuestion, chosen: catalogue.Chosen, query: str, most: int, **rest: Any
) -> list[tuple[Any, ...]]:
    parameters: dict[str, Any] = {
        "project": question.metric.project_id,
        "name": question.metric.name,
        "series": chosen.ids,
        "groups": chosen.groups,
        "start_ns": question.start_ns,
        "end_ns": question.end_ns,
        "before_ns": question.start_ns - LOOK_AROUND_NS,
        "after_ns": question.end_ns + LOOK_AROUND_NS,
        "step_ns": question.step_ns,
        "bins": question.bins,
        "largest": LARGEST,
        "most": most,
    }
    with connection.cursor() as cursor:
        cursor.execute(load("metrics", query), parameters | rest)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _added(question: PointQuestion, chosen: catalogue.Chosen, name: str) -> Iterator[tuple[int, int, float]]:
    """What deltas added by group and bin."""
    rows = _rows(question, chosen, "points_added", MOST_ADDED, field=name)
    _check_most(sum(parts for _, _, parts, _ in rows), MOST_ADDED)
    return ((group, bin, amount) for group, bin, _, amount in rows)


def _series(
    question: PointQuestion, chosen: catalogue.Chosen, *, most: int, packed: bool = False
) -> Iterator[list[Point]]:
    """The points of each series, in order of time, with the last one before the range and the next one behind it."""
    rows = [Point(*row) for row in _rows(question, chosen, "points_raw", most, buckets=packed)]
    _check_most(len(rows), most)
    rows.sort(key=lambda point: (point.number, point.time_ns))
    for _, points in groupby(rows, key=lambda point: point.number):
        yield list(points)


def _check_most(read: int, most: int) -> None:
    """Raises ParameterError when a question has read more than it may."""
    if read > most:
        raise ParameterError("from", f"That would read more than {most:,} points: take a shorter range, or filter.")


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
