"""Histograms of metric points: brought to common buckets, added up, asked for quantiles.

Buckets of several points are only ever joined, never split, so counts stay exact: explicit bounds are reduced to those
that all points share, exponential buckets to the coarsest scale (OpenTelemetry metrics data model, on exponential
histograms: scale s - 1 merges neighbours 2i and 2i + 1 of scale s).

Quantiles follow Prometheus' histogram_quantile: linear between explicit bounds, the lowest bucket from 0 when its bound
is positive, the highest finite bound for what lies above it; exponential between the bounds of exponential buckets.
They never leave what the senders' own least and largest values (`Extremes`) bound.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from metrics.points import fit
from metrics.points.increase import Vector

MOST_MERGED = 320


@dataclass(frozen=True, slots=True)
class Explicit:
    """Counts of the values up to each bound and above the one before; one count more than bounds."""

    bounds: tuple[float, ...]
    counts: Vector


@dataclass(frozen=True, slots=True)
class Side:
    """Counts of neighbouring exponential buckets from number `offset` on."""

    offset: int
    counts: Vector


@dataclass(frozen=True, slots=True)
class Exponential:
    """Bucket i counts values in (base**i, base**(i + 1)], base = 2**(2**-scale); negative ones by their size."""

    scale: int
    zero_threshold: float
    zero_count: float
    positive: Side
    negative: Side


Buckets = Explicit | Exponential


def read(kind: str, packed: Mapping[str, Any], count: int) -> Buckets | None:
    """The buckets of a stored point of `kind`; None when they contradict themselves."""
    try:
        if fit.fault(kind, packed, count):
            return None
        return _explicit(packed, count) if kind == "histogram" else _exponential(packed)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        return None


def _explicit(packed: Mapping[str, Any], count: int) -> Explicit:
    bounds = tuple(float(bound) for bound in packed["bounds"])
    # A sender without buckets says how many values there were and no more.
    counts = _counts(packed["counts"]) if packed["counts"] else np.array([float(count)])
    if bounds and np.isinf(bounds[-1]):
        # What lies above the highest number is nothing that a bucket of its own could say.
        bounds, counts = bounds[:-1], np.append(counts[:-2], counts[-2] + counts[-1])
    return Explicit(bounds, counts)


def _exponential(packed: Mapping[str, Any]) -> Exponential:
    sides = [Side(int(packed[name]["offset"]), _counts(packed[name]["counts"])) for name in ("positive", "negative")]
    return Exponential(
        int(packed["scale"]), float(packed["zero_threshold"]), float(packed["zero_count"]), sides[0], sides[1]
    )


def _counts(values: Sequence[Any]) -> Vector:
    return np.array([float(value) for value in values])


class ExplicitLayout:
    """Common buckets of points with explicit bounds: the bounds that all of them have."""

    def __init__(self, every: Iterable[Explicit]) -> None:
        distinct = {one.bounds for one in every}
        self.bounds: tuple[float, ...] = tuple(sorted(set.intersection(*map(set, distinct)))) if distinct else ()
        self.coarsened = len(distinct) > 1
        self.size = len(self.bounds) + 1

    def vector(self, one: Explicit) -> Vector:
        """The counts of one point in the common buckets."""
        if one.bounds == self.bounds:
            return one.counts
        table = np.zeros(self.size)
        # The bucket up to a bound lies in the first common bucket whose bound is not smaller.
        places = np.searchsorted(np.array(self.bounds), np.array(one.bounds), side="left")
        np.add.at(table, np.append(places, self.size - 1), one.counts)
        return table

    def quantile(self, counts: Vector, share: float) -> float | None:
        """The value below which `share` of all lies; None without values or without a common bound."""
        reached = np.cumsum(counts)
        if not len(self.bounds) or reached[-1] <= 0:
            return None
        rank = share * reached[-1]
        place = int(np.searchsorted(reached, rank, side="left"))
        place = max(place, int(np.argmax(counts > 0)))
        if place >= len(self.bounds):
            return self.bounds[-1]
        high = self.bounds[place]
        low = self.bounds[place - 1] if place else min(0.0, high)
        before = reached[place - 1] if place else 0.0
        return float(low + (high - low) * min(max((rank - before) / counts[place], 0.0), 1.0))


class ExponentialLayout:
    """Common buckets of exponential histograms: negative ones from the largest size down, zero, positive ones."""

    def __init__(self, every: Iterable[Exponential]) -> None:
        points = list(every)
        self.scale = min((one.scale for one in points), default=0)
        self.zero_threshold = max((one.zero_threshold for one in points), default=0.0)
        self.coarsened = len({one.scale for one in points}) > 1
        while True:
            self._positive = self._range(points, "positive")
            self._negative = self._range(points, "negative")
            if max(len(self._positive), len(self._negative)) <= MOST_MERGED:
                break
            self.scale -= 1
        self.size = len(self._negative) + 1 + len(self._positive)

    def _range(self, points: Sequence[Exponential], name: str) -> range:
        ends: list[int] = []
        for one in points:
            side: Side = getattr(one, name)
            used = np.flatnonzero(side.counts)
            if len(used):
                shift = one.scale - self.scale
                ends += [(side.offset + int(used[0])) >> shift, (side.offset + int(used[-1])) >> shift]
        return range(min(ends), max(ends) + 1) if ends else range(0)

    def vector(self, one: Exponential) -> Vector:
        """The counts of one point in the common buckets."""
        table = np.zeros(self.size)
        shift = one.scale - self.scale
        zero = len(self._negative)
        table[zero] = one.zero_count
        for number in np.flatnonzero(one.positive.counts):
            index = (one.positive.offset + int(number)) >> shift
            table[zero + 1 + index - self._positive.start] += one.positive.counts[number]
        for number in np.flatnonzero(one.negative.counts):
            index = (one.negative.offset + int(number)) >> shift
            table[zero - 1 - (index - self._negative.start)] += one.negative.counts[number]
        return table

    def quantile(self, counts: Vector, share: float) -> float | None:
        """The value below which `share` of all lies; None without values."""
        reached = np.cumsum(counts)
        if reached[-1] <= 0:
            return None
        rank = share * reached[-1]
        place = max(int(np.searchsorted(reached, rank, side="left")), int(np.argmax(counts > 0)))
        part = (rank - (reached[place - 1] if place else 0.0)) / counts[place]
        return self._within(place, float(min(max(part, 0.0), 1.0)))

    def _within(self, place: int, part: float) -> float:
        """The value at `part` of a bucket."""
        zero = len(self._negative)
        if place == zero:
            low = -self.zero_threshold if len(self._negative) else 0.0
            return low + (self.zero_threshold - low) * part
        growth = 2.0**-self.scale
        if place > zero:
            return _power(growth * (self._positive.start + place - zero - 1 + part))
        return -_power(growth * (self._negative.start + zero - 1 - place + 1 - part))


def _power(exponent: float) -> float:
    """2**exponent, at the ends of what a float holds the end itself."""
    return float(2.0 ** min(max(exponent, -1022.0), 1023.0))


class Extremes:
    """The least and the largest value of each bin, as far as senders said them of all that it holds."""

    def __init__(self, bins: int) -> None:
        self.low = np.full(bins, np.inf)
        self.high = np.full(bins, -np.inf)

    def add(self, places: range, low: float | None, high: float | None) -> None:
        """Says between what lie some values that neighbouring bins hold; None: their sender does not say."""
        part = slice(places.start, places.stop)
        self.low[part] = np.minimum(self.low[part], -np.inf if low is None else low)
        self.high[part] = np.maximum(self.high[part], np.inf if high is None else high)

    def within(self, place: int, value: float | None) -> float | None:
        """A quantile of a bin: buckets are wider than what they hold, so it may lie beyond every value."""
        if value is None or self.low[place] > self.high[place]:
            return value
        return float(min(max(value, self.low[place]), self.high[place]))


Layout = ExplicitLayout | ExponentialLayout


def layout_of(every: Sequence[Buckets]) -> Layout:
    """The common buckets of points of one kind."""
    exponential = [one for one in every if isinstance(one, Exponential)]
    if exponential:
        return ExponentialLayout(exponential)
    return ExplicitLayout(one for one in every if isinstance(one, Explicit))


def vector(layout: Layout, one: Buckets) -> Vector | None:
    """The counts of a point in common buckets of its sort; None when it is of the other sort."""
    if isinstance(layout, ExplicitLayout) and isinstance(one, Explicit):
        return layout.vector(one)
    if isinstance(layout, ExponentialLayout) and isinstance(one, Exponential):
        return layout.vector(one)
    return None
