"""Whether two versions of an agent really differ: intervals for shares, quantiles and costs per request. Pure.

All intervals are at 95 % and approximate; with few observations they are wide or absent rather than wrong. Two figures
whose intervals overlap show no clear difference: that is the careful reading, a difference may still be there.
"""

from collections.abc import Sequence
from math import ceil, floor, sqrt
from typing import NamedTuple

import numpy as np

from metrics import histogram

Z = 1.959964
# Below so many bins with requests the spread of a cost cannot be told.
FEWEST_BINS = 5


class Interval(NamedTuple):
    """A figure and where it lies with 95 % confidence; None where that cannot be told."""

    value: float | None
    low: float | None = None
    high: float | None = None


def share(part: int, whole: int, *, z: float = Z) -> Interval:
    """A share of independent cases: Wilson's score interval (E. B. Wilson, 1927, "Probable inference").

    `z` is the quantile of the normal distribution that belongs to a confidence other than 95 %.
    """
    if not whole:
        return Interval(None)
    at, spread = part / whole, z * z / whole
    middle = (at + spread / 2) / (1 + spread)
    reach = z / (1 + spread) * sqrt(at * (1 - at) / whole + spread / (4 * whole))
    return Interval(at, max(middle - reach, 0.0), min(middle + reach, 1.0))


def quantile(pairs: histogram.Pairs, wanted: float) -> Interval:
    """A quantile of durations in nanoseconds, its interval by order statistics: the ranks between which it lies follow
    a binomial distribution, here its normal approximation (W. J. Conover, Practical Nonparametric Statistics, 3.2).

    Exact to the buckets of the histogram, 2 %.
    """
    count = sum(pairs[1::2])
    if not count:
        return Interval(None)
    reach = Z * sqrt(count * wanted * (1 - wanted))
    low, high = floor(count * wanted - reach), ceil(count * wanted + reach) + 1
    at, below, above = histogram.quantiles(pairs, [wanted, max(low, 1) / count, min(high, count) / count])
    return Interval(at, below if low >= 1 else None, above if high <= count else None)


def ratio(amounts: Sequence[float], counts: Sequence[float]) -> Interval:
    """An amount per case, of which only sums by bin of time are known: the ratio estimator with bins as clusters and
    its linearised variance (W. G. Cochran, Sampling Techniques, 3rd edition, 2.11 and 6.3)."""
    x, n = np.asarray(amounts, dtype=float), np.asarray(counts, dtype=float)
    used = n > 0
    bins, whole = int(used.sum()), float(n.sum())
    if not whole:
        return Interval(None)
    at = float(x.sum()) / whole
    if bins < FEWEST_BINS:
        return Interval(at)
    residues = np.where(used | (x != 0), x - at * n, 0.0)
    reach = Z * sqrt(float((residues**2).sum()) * bins / (bins - 1)) / whole
    return Interval(at, max(at - reach, 0.0), at + reach)


def compare(one: Interval, other: Interval) -> str:
    """How `one` stands to `other`: "lower", "higher", "same" (no clear difference) or "" (cannot be told)."""
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return ""
    if one.high < other.low:
        return "lower"
    return "higher" if one.low > other.high else "same"
