"""Two sides, A and B, measure by measure: how each does, by how much they differ, and whether that can be told. Pure.

A case is a trace, and for approvals and outcomes a request; sides are bounded samples of the newest. Errors, approvals,
outcomes and scores are shares (Newcombe's interval, score test). Latencies are of the sampled traces themselves, not of
histograms: p95 and p50 by the bootstrap with a fixed seed, and for p50 the p of the Mann-Whitney test, which asks
whether one side tends to be slower as a whole. Costs are means per trace (Welch).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from metrics import comparison, statistics
from metrics.comparison import Interval
from metrics.statistics import Share

LEVEL = 0.05


class Measure(StrEnum):
    """What is compared, in the order in which it is shown."""

    ERRORS = "errors"
    P50 = "p50"
    P95 = "p95"
    COST = "cost"
    APPROVALS = "approvals"
    OUTCOMES = "outcomes"
    SCORES = "scores"


MORE_IS_BETTER = frozenset({Measure.APPROVALS, Measure.OUTCOMES, Measure.SCORES})
NOTHING = Share(0, 0)


@dataclass(frozen=True, slots=True)
class Side:
    """What is known of one side. `durations` in seconds of traces that have ended, `costs` in nano-USD of traces of
    which the price is known; `capped`: there are more traces than were read."""

    traces: int = 0
    capped: bool = False
    failed: Share = NOTHING
    durations: Sequence[float] = ()
    costs: Sequence[float] = ()
    approvals: Share = NOTHING
    outcomes: Share = NOTHING
    scores: Share = NOTHING


@dataclass(frozen=True, slots=True)
class Compared:
    """One measure of both sides. `difference` is B less A; `p` of no difference, `corrected` the same when all measures
    are asked at once (Holm).

    `more`: so many more cases, of both sides together, until a difference of the size seen would be told with a power
    of 80 %; None when it can be told already, there is none, or nobody knows. `larger` of p50: how often a trace of B
    takes longer than one of A.
    """

    measure: Measure
    a: Interval
    b: Interval
    counts: tuple[int, int]
    difference: Interval
    p: float | None = None
    corrected: float | None = None
    more: int | None = None
    larger: float | None = None

    @property
    def known(self) -> bool:
        return self.difference.value is not None

    @property
    def clear(self) -> bool:
        """Whether the interval of the difference leaves no difference out."""
        low, high = self.difference.low, self.difference.high
        return low is not None and high is not None and (low > 0 or high < 0)

    @property
    def holds(self) -> bool:
        """Whether it is clear even though so many measures are compared."""
        return self.clear and self.corrected is not None and self.corrected < LEVEL

    @property
    def better(self) -> str:
        """The side that does better, "a" or "b", when that is clear; else empty."""
        if not self.clear or self.difference.value is None:
            return ""
        return "b" if (self.difference.value > 0) == (self.measure in MORE_IS_BETTER) else "a"


def compare(a: Side, b: Side) -> list[Compared]:
    """Every measure of two sides, in order, also those of which nothing is known."""
    found = [_OF[measure](measure, a, b) for measure in Measure]
    corrected = statistics.holm([one.p for one in found])
    return [replace(one, corrected=p) for one, p in zip(found, corrected, strict=True)]


def by_chance(found: Sequence[Compared]) -> float:
    """How likely at least one clear difference is where nothing differs at all, 0 to 1; the measures taken as
    independent, which they are not quite."""
    return 1 - (1 - LEVEL) ** sum(one.p is not None for one in found)


def _shares(measure: Measure, one: Share, other: Share) -> Compared:
    difference = statistics.difference_of_shares(one, other)
    found = Compared(
        measure,
        comparison.share(*one),
        comparison.share(*other),
        (one.whole, other.whole),
        difference,
        statistics.p_of_shares(one, other),
    )
    if not one.whole or not other.whole:
        return found
    return _with_more(found, statistics.needed_for_shares(one.part / one.whole, other.part / other.whole))


def _median(measure: Measure, a: Side, b: Side) -> Compared:
    found = _quantile(measure, a, b, 0.5)
    ranks = statistics.mann_whitney(a.durations, b.durations)
    if ranks is None or found.p is None:
        return found
    needed = statistics.needed_for_ranks(ranks.larger)
    return _with_more(replace(found, p=ranks.p, larger=ranks.larger), needed)


def _tail(measure: Measure, a: Side, b: Side) -> Compared:
    found = _quantile(measure, a, b, 0.95)
    return _with_more(found, statistics.needed_by_interval(found.difference, min(found.counts)))


def _quantile(measure: Measure, a: Side, b: Side, wanted: float) -> Compared:
    difference, p = statistics.difference_of_quantiles(a.durations, b.durations, wanted)
    sides = [statistics.quantile(side.durations, wanted) for side in (a, b)]
    return Compared(measure, sides[0], sides[1], (len(a.durations), len(b.durations)), difference, p)


def _cost(measure: Measure, a: Side, b: Side) -> Compared:
    difference, p = statistics.difference_of_means(a.costs, b.costs)
    sides = statistics.mean(a.costs), statistics.mean(b.costs)
    found = Compared(measure, *sides, (len(a.costs), len(b.costs)), difference, p)
    return _with_more(found, statistics.needed_for_means(a.costs, b.costs))


def _with_more(found: Compared, needed: int | None) -> Compared:
    """With the cases that are still to come until the difference can be told; `needed` is of each side."""
    if needed is None or found.clear:
        return replace(found, more=None)
    return replace(found, more=sum(max(needed - count, 0) for count in found.counts) or None)


_OF: Mapping[Measure, Callable[[Measure, Side, Side], Compared]] = {
    Measure.ERRORS: lambda measure, a, b: _shares(measure, a.failed, b.failed),
    Measure.P50: _median,
    Measure.P95: _tail,
    Measure.COST: _cost,
    Measure.APPROVALS: lambda measure, a, b: _shares(measure, a.approvals, b.approvals),
    Measure.OUTCOMES: lambda measure, a, b: _shares(measure, a.outcomes, b.outcomes),
    Measure.SCORES: lambda measure, a, b: _shares(measure, a.scores, b.scores),
}
