"""Intervals against simulation and known values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics import comparison, histogram
from metrics.comparison import Interval

RNG = np.random.default_rng(7)
ROUNDS = 400


def covers(interval: Interval, true: float) -> bool:
    return interval.low is not None and interval.high is not None and interval.low <= true <= interval.high


def test_wilsons_interval_as_published() -> None:
    at, low, high = comparison.share(5, 50)
    assert (at, low, high) == pytest.approx((0.1, 0.04348, 0.21360), abs=1e-4)
    assert comparison.share(0, 10)[1:] == pytest.approx((0.0, 0.27753), abs=1e-4)
    assert comparison.share(0, 0) == Interval(None)


@given(st.integers(0, 500), st.integers(1, 500))
def test_a_share_lies_in_its_interval_and_that_in_0_to_1(part: int, more: int) -> None:
    interval = comparison.share(part, part + more)
    assert interval.low is not None
    assert interval.high is not None
    assert 0 <= interval.low <= part / (part + more) <= interval.high <= 1


@pytest.mark.parametrize("wanted", [0.5, 0.95])
def test_quantile_intervals_cover_the_truth_about_as_often_as_they_say(wanted: float) -> None:
    true = float(np.exp(np.quantile(RNG.normal(17, 1, 400_000), wanted)))
    hits = 0
    for _ in range(ROUNDS):
        pairs = histogram.pairs(histogram.buckets(np.exp(RNG.normal(17, 1, 300))).tolist())
        hits += covers(comparison.quantile(pairs, wanted), true)
    assert hits / ROUNDS >= 0.92


def test_a_quantile_of_few_values_has_no_upper_end() -> None:
    pairs = histogram.pairs(histogram.buckets([1e9, 2e9, 3e9]).tolist())
    found = comparison.quantile(pairs, 0.95)
    assert found.value is not None
    assert found.high is None


def test_costs_per_request_cover_the_truth_about_as_often_as_they_say() -> None:
    hits = 0
    for _ in range(ROUNDS):
        counts = RNG.poisson(20, 60)
        costs = [float(RNG.gamma(2, 50, count).sum()) for count in counts]
        hits += covers(comparison.ratio(costs, counts.tolist()), 100.0)
    assert 0.90 <= hits / ROUNDS <= 0.99


def test_a_cost_of_few_bins_says_no_interval() -> None:
    assert comparison.ratio([10, 20], [1, 1]) == Interval(15.0)
    assert comparison.ratio([], []) == Interval(None)


def test_overlapping_intervals_show_no_clear_difference() -> None:
    low, high, wide = Interval(1, 0.5, 1.5), Interval(3, 2.5, 3.5), Interval(2, 1, 3)
    assert comparison.compare(low, high) == "lower"
    assert comparison.compare(high, low) == "higher"
    assert comparison.compare(low, wide) == "same"
    assert comparison.compare(low, Interval(2, 1, None)) == ""
