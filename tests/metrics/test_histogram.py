"""Histograms of durations stay within 2 % and add up."""

import random

from hypothesis import given
from hypothesis import strategies as st

from metrics import histogram

DURATIONS = st.lists(st.integers(1_000, 10**15), min_size=1, max_size=60)


@given(DURATIONS, st.sampled_from([0.0, 0.5, 0.95, 0.99, 1.0]))
def test_quantiles_are_within_two_percent_of_the_exact_ones(durations: list[int], share: float) -> None:
    stored = histogram.pairs(histogram.buckets(durations).tolist())
    found = histogram.quantiles(stored, [share])[0]
    exact = sorted(durations)[max(-(-len(durations) * int(share * 100) // 100), 1) - 1]
    assert found is not None
    assert abs(found - exact) <= 0.02 * exact


@given(DURATIONS, DURATIONS)
def test_the_sum_of_histograms_is_the_histogram_of_all(one: list[int], other: list[int]) -> None:
    def stored(durations: list[int]) -> list[int]:
        return histogram.pairs(histogram.buckets(durations).tolist())

    assert histogram.merge([stored(one), stored(other)]) == stored(random.sample(one + other, len(one + other)))


def test_an_empty_histogram_has_no_quantiles() -> None:
    assert histogram.quantiles([], [0.5, 0.99]) == [None, None]
    assert histogram.merge([[], []]) == []


def test_durations_of_nothing_and_less_fall_into_the_first_bucket() -> None:
    assert histogram.buckets([0, -5, 999, 1_000]).tolist() == [0, 0, 0, 0]
