"""Whether two samples differ, by how much, and how many more cases it would take to tell. Pure.

All intervals are at 95 %. Differences are "the second less the first". Cases must be independent of each other; with
few of them an interval is absent rather than wrong. Whatever is drawn by chance is drawn from a fixed seed: the same
data give the same figures.
"""

from collections.abc import Sequence
from math import ceil, erfc, floor, sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from metrics.comparison import Interval, Z, share

Z_POWER = 0.841621
"""A difference of the size in question is found with this power: 80 %."""
SEED = 20_240_229
DRAWS = 10_000
FEWEST = 20
"""Below so many cases on a side nothing is said of the tail of a quantile's distribution, or of a mean's."""

Values = Sequence[float] | npt.NDArray[np.float64]


class Share(NamedTuple):
    """So many of so many cases."""

    part: int
    whole: int


class Ranks(NamedTuple):
    """What a rank test found: U of the first sample, the two-sided p, and how often a case of the second sample is
    larger than one of the first (ties half), 0 to 1; 0.5 is no difference."""

    u: float
    p: float
    larger: float


def difference_of_shares(one: Share, other: Share) -> Interval:
    """`other` less `one`, by the square-and-add method on Wilson's intervals: method 10 of R. G. Newcombe, 1998,
    "Interval estimation for the difference between independent proportions", Statistics in Medicine 17, 873-890."""
    a, b = share(*one), share(*other)
    if a.value is None or b.value is None:
        return Interval(None)
    assert a.low is not None
    assert a.high is not None
    assert b.low is not None
    assert b.high is not None
    at = b.value - a.value
    below = sqrt((b.value - b.low) ** 2 + (a.high - a.value) ** 2)
    above = sqrt((b.high - b.value) ** 2 + (a.value - a.low) ** 2)
    return Interval(at, max(at - below, -1.0), min(at + above, 1.0))


def p_of_shares(one: Share, other: Share) -> float | None:
    """Two-sided p of the score test with pooled variance (Pearson's chi-squared without correction); None where a side
    is empty, 1 where all cases are alike."""
    if not one.whole or not other.whole:
        return None
    pooled = (one.part + other.part) / (one.whole + other.whole)
    variance = pooled * (1 - pooled) * (1 / one.whole + 1 / other.whole)
    if not variance:
        return 1.0
    return _two_sided((other.part / other.whole - one.part / one.whole) / sqrt(variance))


def mann_whitney(one: Values, other: Values) -> Ranks | None:
    """Whether one sample tends to be larger: H. B. Mann and D. R. Whitney, 1947, by the normal approximation with the
    corrections for ties and continuity. None for an empty sample."""
    first, second = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    n, m = len(first), len(second)
    if not n or not m:
        return None
    every = np.concatenate([first, second])
    _values, places, counts = np.unique(every, return_inverse=True, return_counts=True)
    # The mean rank of each distinct value.
    ranks = np.cumsum(counts) - (counts - 1) / 2
    u = float(ranks[places[:n]].sum()) - n * (n + 1) / 2
    total = n + m
    ties = float((counts.astype(float) ** 3 - counts).sum())
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    larger = 1 - u / (n * m)
    if variance <= 0:
        return Ranks(u, 1.0, larger)
    distance = max(abs(u - n * m / 2) - 0.5, 0.0)
    return Ranks(u, _two_sided(distance / sqrt(variance)), larger)


def difference_of_quantiles(one: Values, other: Values, wanted: float) -> tuple[Interval, float | None]:
    """`other`'s quantile less `one`'s, with the percentile interval of the bootstrap (B. Efron, 1979) and its two-sided
    p: twice the smaller share of resamples on either side of no difference.

    The quantile of a resample is the order statistic of uniform numbers looked up in the sample, and that order
    statistic has a beta distribution: so DRAWS resamples cost DRAWS numbers and not DRAWS samples. No interval below
    FEWEST cases on a side, or where fewer than five cases lie beyond the quantile.
    """
    samples = [np.sort(np.asarray(values, dtype=float)) for values in (one, other)]
    if not len(samples[0]) or not len(samples[1]):
        return Interval(None), None
    at = [float(values[_rank(len(values), wanted) - 1]) for values in samples]
    enough = all(len(values) >= FEWEST and len(values) * min(wanted, 1 - wanted) >= 5 for values in samples)
    if not enough:
        return Interval(at[1] - at[0]), None
    chance = np.random.default_rng(SEED)
    first, second = (_resampled(values, wanted, chance) for values in samples)
    gaps = second - first
    low, high = np.quantile(gaps, [0.025, 0.975])
    beyond = min(float((gaps <= 0).mean()), float((gaps >= 0).mean()))
    return Interval(at[1] - at[0], float(low), float(high)), min(max(2 * beyond, 1 / DRAWS), 1.0)


def _rank(count: int, wanted: float) -> int:
    return max(ceil(round(count * wanted, 9)), 1)


def _resampled(values: npt.NDArray[np.float64], wanted: float, chance: np.random.Generator) -> npt.NDArray[np.float64]:
    count = len(values)
    rank = _rank(count, wanted)
    places = np.ceil(chance.beta(rank, count - rank + 1, DRAWS) * count).astype(np.int64) - 1
    return values[np.clip(places, 0, count - 1)]


def quantile(values: Values, wanted: float) -> Interval:
    """A quantile of a sample, its interval by order statistics as in `metrics.comparison.quantile`."""
    sample = np.sort(np.asarray(values, dtype=float))
    count = len(sample)
    if not count:
        return Interval(None)
    reach = Z * sqrt(count * wanted * (1 - wanted))
    low, high = floor(count * wanted - reach), ceil(count * wanted + reach) + 1
    return Interval(
        float(sample[_rank(count, wanted) - 1]),
        float(sample[low - 1]) if low >= 1 else None,
        float(sample[high - 1]) if high <= count else None,
    )


def mean(values: Values) -> Interval:
    """The mean with the normal approximation of its interval; none below FEWEST cases."""
    sample = np.asarray(values, dtype=float)
    if not len(sample):
        return Interval(None)
    at = float(sample.mean())
    if len(sample) < FEWEST:
        return Interval(at)
    reach = Z * float(sample.std(ddof=1)) / sqrt(len(sample))
    return Interval(at, at - reach, at + reach)


def difference_of_means(one: Values, other: Values) -> tuple[Interval, float | None]:
    """`other`'s mean less `one`'s, variances unequal (B. L. Welch, 1938, by the normal approximation), and its
    two-sided p; neither below FEWEST cases on a side."""
    first, second = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    if not len(first) or not len(second):
        return Interval(None), None
    at = float(second.mean() - first.mean())
    if min(len(first), len(second)) < FEWEST:
        return Interval(at), None
    error = sqrt(float(first.var(ddof=1)) / len(first) + float(second.var(ddof=1)) / len(second))
    if not error:
        return Interval(at, at, at), 0.0 if at else 1.0
    return Interval(at, at - Z * error, at + Z * error), _two_sided(at / error)


def needed_for_shares(one: float, other: float) -> int | None:
    """Cases on each side with which a difference like this between two shares is found with a power of 80 %: J. L.
    Fleiss, Statistical Methods for Rates and Proportions, 3.2, without correction. None for no difference."""
    if one == other:
        return None
    middle = (one + other) / 2
    spread = Z * sqrt(2 * middle * (1 - middle)) + Z_POWER * sqrt(one * (1 - one) + other * (1 - other))
    return ceil((spread / (one - other)) ** 2)


def needed_for_ranks(larger: float) -> int | None:
    """Cases on each side with which a rank test finds that the second is larger so often (0 to 1) with a power of 80 %:
    G. E. Noether, 1987, "Sample size determination for some common nonparametric tests". None for 0.5."""
    if larger == 0.5:
        return None
    return ceil((Z + Z_POWER) ** 2 / (3 * (larger - 0.5) ** 2) / 2)


def needed_for_means(one: Values, other: Values) -> int | None:
    """Cases on each side with which a difference of means like this is found with a power of 80 %; None for none, or
    too few cases to know how much they vary."""
    first, second = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    if min(len(first), len(second)) < FEWEST:
        return None
    gap = float(second.mean() - first.mean())
    if not gap:
        return None
    return ceil((Z + Z_POWER) ** 2 * float(first.var(ddof=1) + second.var(ddof=1)) / gap**2)


def needed_by_interval(difference: Interval, cases: int) -> int | None:
    """Cases on each side with which a difference like this is found with a power of 80 %, where an interval is all that
    is known: its width shrinks with the root of the cases. `cases`: of the smaller side. None for no difference."""
    if not difference.value or difference.low is None or difference.high is None:
        return None
    error = (difference.high - difference.low) / (2 * Z)
    return ceil(cases * ((Z + Z_POWER) * error / difference.value) ** 2)


def holm(values: Sequence[float | None]) -> list[float | None]:
    """p values as they are when so many questions are asked at once: S. Holm, 1979, "A simple sequentially rejective
    multiple test procedure". None stays None and does not count."""
    known = sorted((p, place) for place, p in enumerate(values) if p is not None)
    found: list[float | None] = [None] * len(values)
    reached = 0.0
    for step, (p, place) in enumerate(known):
        reached = max(reached, min(p * (len(known) - step), 1.0))
        found[place] = reached
    return found


def _two_sided(z: float) -> float:
    return erfc(abs(z) / sqrt(2))
