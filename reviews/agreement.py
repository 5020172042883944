"""How far several people who judge the same items agree, beyond what chance alone would bring. Pure.

Categories are names without an order. Three coefficients, each 1 where all agree and 0 where they agree as often as by
chance: Cohen's kappa of two people, Fleiss' kappa and Krippendorff's alpha of any number. Where there is nothing to
compare, or only one category was ever given so that chance alone explains everything, a coefficient is not defined:
its value is None and `why` says so. Intervals are at 95 %.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from metrics.comparison import Interval, Z, share

FEWEST_ITEMS = 10
"""Below so many items no interval is given: resampling them, as any large-sample formula, says too much."""
RESAMPLES = 2_000
SEED = 20_260
"""Of the resampling: the same ratings have the same interval, whoever looks."""
MOST_UNDEFINED = 0.05
"""Where a larger share of the resamples has no value, there is no interval either."""
NEARLY = 1e-12

Pattern = tuple[tuple[str, int], ...]
"""How often each category was given to one item, by name: all that the coefficients of many people look at."""
Floats = npt.NDArray[np.float64]


class Why(StrEnum):
    """Why a coefficient has no value."""

    DEFINED = ""
    NOTHING = "nothing"
    """No item was judged by two people."""
    ONE_CATEGORY = "one_category"
    """Everybody said the same of everything, so that no disagreement could have been expected."""


@dataclass(frozen=True)
class Coefficient:
    """One coefficient with its interval, and the number of items and ratings that it rests on."""

    interval: Interval
    items: int
    ratings: int
    why: Why = Why.DEFINED

    @property
    def value(self) -> float | None:
        return self.interval.value


def pattern(categories: Iterable[str]) -> Pattern:
    """What people said of one item, without who said it."""
    return tuple(sorted(Counter(categories).items()))


def cohen(table: Mapping[tuple[str, str], int]) -> Coefficient:
    """Cohen's kappa of two people: how many items the one gave the first and the other the second category.

    J. Cohen, 1960, "A coefficient of agreement for nominal scales"; its interval by the large-sample variance of
    J. L. Fleiss, J. Cohen and B. S. Everitt, 1969, "Large sample standard errors of kappa and weighted kappa", (13).
    """
    items = sum(table.values())
    if not items:
        return Coefficient(Interval(None), 0, 0, Why.NOTHING)
    names = sorted({name for pair in table for name in pair})
    p = np.array([[table.get((one, other), 0) / items for other in names] for one in names])
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    observed, chance = float(np.trace(p)), float(rows @ columns)
    if chance > 1 - NEARLY:
        return Coefficient(Interval(None), items, 2 * items, Why.ONE_CATEGORY)
    kappa = (observed - chance) / (1 - chance)
    if items < FEWEST_ITEMS:
        interval = Interval(kappa)
    elif observed > 1 - NEARLY:
        interval = _all_agreed(items, chance)
    else:
        same = float(np.diag(p) @ (1 - (rows + columns) * (1 - kappa)) ** 2)
        sums = columns[:, None] + rows[None, :]
        other = (1 - kappa) ** 2 * float((p * sums**2).sum() - np.diag(p) @ np.diag(sums) ** 2)
        spread = same + other - (kappa - chance * (1 - kappa)) ** 2
        reach = Z * sqrt(max(spread, 0.0) / items) / (1 - chance)
        interval = Interval(kappa, max(kappa - reach, -1.0), min(kappa + reach, 1.0))
    return Coefficient(interval, items, 2 * items)


def fleiss(patterns: Mapping[Pattern, int]) -> Coefficient:
    """Fleiss' kappa (J. L. Fleiss, 1971, "Measuring nominal scale agreement among many raters").

    How many items have each pattern. The number of people may differ from item to item: each item then counts once,
    with the share of its pairs that agree and with the share of its ratings that each category has (K. L. Gwet,
    Handbook of Inter-Rater Reliability, 4th edition, 2014, chapter 2). With one number of people for all items that is
    Fleiss' own formula. Items that fewer than two judged are left out. Interval: see `_resampled`.
    """
    kept = _several(patterns)
    if not kept.items:
        return Coefficient(Interval(None), 0, 0, Why.NOTHING)
    sizes = kept.counts.sum(axis=1)
    pairs = (kept.counts * (kept.counts - 1)).sum(axis=1) / (sizes * (sizes - 1))
    shares = kept.counts / sizes[:, None]

    def parts(weights: Floats) -> tuple[Floats, Floats]:
        total = weights.sum(axis=1)
        category = weights @ shares / total[:, None]
        return weights @ pairs / total, (category**2).sum(axis=1)

    return _coefficient(kept, parts)


def krippendorff(patterns: Mapping[Pattern, int]) -> Coefficient:
    """Krippendorff's alpha for nominal data, any number of people, ratings missing or not.

    K. Krippendorff, 2011, "Computing Krippendorff's alpha-reliability", section C: in the matrix of coincidences an
    item with m ratings gives each of its pairs the weight 1 / (m - 1). How many items have each pattern; those that
    fewer than two judged are left out. Interval: see `_resampled`.
    """
    kept = _several(patterns)
    if not kept.items:
        return Coefficient(Interval(None), 0, 0, Why.NOTHING)
    sizes = kept.counts.sum(axis=1)
    agreeing = (kept.counts * (kept.counts - 1)).sum(axis=1) / (sizes - 1)

    def parts(weights: Floats) -> tuple[Floats, Floats]:
        given = weights @ kept.counts
        total = given.sum(axis=1)
        return weights @ agreeing / total, (given * (given - 1)).sum(axis=1) / (total * (total - 1))

    return _coefficient(kept, parts)


def unanimous(patterns: Mapping[Pattern, int]) -> tuple[int, int]:
    """On how many items all agreed, of those that several judged."""
    several = {one: many for one, many in patterns.items() if sum(times for _name, times in one) > 1}
    return sum(many for one, many in several.items() if len(one) == 1), sum(several.values())


@dataclass(frozen=True)
class _Kept:
    """The different patterns that are compared: a row of counts each, and how many items have it."""

    counts: Floats
    many: Floats
    items: int

    @property
    def ratings(self) -> int:
        return round(float(self.many @ self.counts.sum(axis=1)))

    @property
    def all_agreed(self) -> bool:
        return bool(((self.counts > 0).sum(axis=1) == 1).all())


def _several(patterns: Mapping[Pattern, int]) -> _Kept:
    kept = sorted((one, many) for one, many in patterns.items() if many > 0 and sum(times for _, times in one) > 1)
    names = sorted({name for one, _many in kept for name, _times in one})
    counts = np.array([[dict(one).get(name, 0) for name in names] for one, _many in kept], dtype=np.float64)
    many = np.array([many for _one, many in kept], dtype=np.float64)
    return _Kept(counts, many, int(many.sum()))


def _coefficient(kept: _Kept, parts: Callable[[Floats], tuple[Floats, Floats]]) -> Coefficient:
    """The coefficient of which `parts` gives observed and chance agreement, for each row of weights of the patterns."""
    observed, chance = (float(found[0]) for found in parts(kept.many[None, :]))
    if chance > 1 - NEARLY:
        return Coefficient(Interval(None), kept.items, kept.ratings, Why.ONE_CATEGORY)
    value = (observed - chance) / (1 - chance)
    if kept.items < FEWEST_ITEMS:
        interval = Interval(value)
    elif kept.all_agreed:
        interval = _all_agreed(kept.items, chance)
    else:
        interval = Interval(value, *_resampled(kept, parts))
    return Coefficient(interval, kept.items, kept.ratings)


def _all_agreed(items: int, chance: float) -> Interval:
    """Where nobody disagreed no formula and no resampling sees a spread, and yet the next item may differ.

    So the bound is Wilson's for the share of items with agreement, with chance taken as known.
    """
    low = share(items, items).low
    assert low is not None
    return Interval(1.0, (low - chance) / (1 - chance), 1.0)


def _resampled(
    kept: _Kept, parts: Callable[[Floats], tuple[Floats, Floats]]
) -> tuple[float, float] | tuple[None, None]:
    """The middle 95 % of the values of resamples: whole items are drawn, with all that was said of them.

    B. Efron's percentile bootstrap, which A. Zapf, S. Castell, L. Morawietz and A. Karch, 2016, "Measuring inter-rater
    reliability for nominal data - which coefficients and confidence intervals are appropriate?" recommend for both
    coefficients. Items of one pattern are alike, so that it is the patterns whose numbers are drawn: the time does not
    depend on how many items there are.
    """
    drawn: npt.NDArray[Any] = np.random.default_rng(SEED).multinomial(
        kept.items, kept.many / kept.items, size=RESAMPLES
    )
    observed, chance = parts(drawn.astype(np.float64))
    defined = chance <= 1 - NEARLY
    if 1 - float(defined.mean()) > MOST_UNDEFINED:
        return None, None
    values = (observed[defined] - chance[defined]) / (1 - chance[defined])
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
