"""Whether a reviewer has come to decide otherwise than before, while the others have not. Pure.

Everybody's share may move because other requests come. So what is looked at is how much further one person's share has
moved than that of all the others, from some weeks before to the latest ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

from metrics.comparison import Interval, share

WEEKS = 12
RECENT = 4
"""The latest so many of the weeks are compared with those before them."""
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Count:
    """So many of so many."""

    part: int = 0
    whole: int = 0

    @property
    def interval(self) -> Interval:
        """The share with its 95 % interval (Wilson)."""
        return share(self.part, self.whole)

    def __add__(self, other: Count) -> Count:
        return Count(self.part + other.part, self.whole + other.whole)

    def __sub__(self, other: Count) -> Count:
        return Count(self.part - other.part, self.whole - other.whole)


@dataclass(frozen=True)
class Drift:
    """One person's share before and recently, that of the others, and how much further the one has moved (-2 to 2).

    The interval of the move is wider than at 95 % by as many comparisons as are made at once.
    """

    before: Count
    recent: Count
    rest_before: Count
    rest_recent: Count
    moved: Interval

    @property
    def is_drift(self) -> bool:
        """Whether the interval leaves no room for no change."""
        low, high = self.moved.low, self.moved.high
        return low is not None and high is not None and (low > 0 or high < 0)


def drift(own: Sequence[Count], rest: Sequence[Count], *, comparisons: int = 1) -> Drift:
    """Compares the latest RECENT weeks with those before, oldest first, of one person and of all the others.

    With so many `comparisons` at once each has the confidence 1 - 0.05 / comparisons (C. E. Bonferroni), so that of all
    of them together one is wrong in 5 % of the cases at most.
    """
    before, recent = total(own[:-RECENT]), total(own[-RECENT:])
    rest_before, rest_recent = total(rest[:-RECENT]), total(rest[-RECENT:])
    z = NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / max(comparisons, 1) / 2)
    terms = [(1, recent), (-1, before), (-1, rest_recent), (1, rest_before)]
    return Drift(before, recent, rest_before, rest_recent, combined(terms, z=z))


def total(counts: Iterable[Count]) -> Count:
    """All of them together."""
    return sum(counts, Count())


def combined(terms: Iterable[tuple[int, Count]], *, z: float) -> Interval:
    """A sum of weighted shares of independent cases; None where one of them is of nothing.

    G. Y. Zou, W. Huang and X. Zhang, 2009, "A note on confidence interval estimation for a linear function of binomial
    proportions": the distances to the ends of each share's Wilson interval, squared and added. Of a difference of two
    shares that is method 10 of R. G. Newcombe, 1998.
    """
    at = below = above = 0.0
    for weight, count in terms:
        value, low, high = share(count.part, count.whole, z=z)
        if value is None or low is None or high is None:
            return Interval(None)
        ends = sorted((weight * low, weight * high))
        at += weight * value
        below += (weight * value - ends[0]) ** 2
        above += (ends[1] - weight * value) ** 2
    return Interval(at, at - sqrt(below), at + sqrt(above))
