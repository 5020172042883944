"""Differences of two samples against published worked examples, and against simulation."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics import statistics
from metrics.comparison import Interval
from metrics.statistics import Share

RNG = np.random.default_rng(11)
ROUNDS = 300
# What is drawn is small; a busy machine is not a slow strategy.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

# R. G. Newcombe, 1998, Statistics in Medicine 17, 873-890, Table II, method 10: (a)-(h), the first less the second.
NEWCOMBE = [
    ((56, 70), (48, 80), (0.0524, 0.3339)),
    ((9, 10), (3, 10), (0.1705, 0.8090)),
    ((6, 7), (2, 7), (0.0582, 0.8062)),
    ((5, 56), (0, 29), (-0.0381, 0.1926)),
    ((0, 10), (0, 20), (-0.1611, 0.2775)),
    ((0, 10), (0, 10), (-0.2775, 0.2775)),
    ((10, 10), (0, 20), (0.6791, 1.0000)),
    ((10, 10), (0, 10), (0.6075, 1.0000)),
]


@pytest.mark.parametrize(("first", "second", "published"), NEWCOMBE)
def test_newcombes_table_of_method_10(
    first: tuple[int, int], second: tuple[int, int], published: tuple[float, float]
) -> None:
    found = statistics.difference_of_shares(Share(*second), Share(*first))
    assert found.value == pytest.approx(first[0] / first[1] - second[0] / second[1])
    assert found[1:] == pytest.approx(published, abs=6e-5)


shares = st.tuples(st.integers(0, 300), st.integers(1, 300)).map(lambda pair: Share(min(pair), pair[1]))


@CALM
@given(shares, shares)
def test_a_difference_of_shares_is_the_same_from_the_other_side(one: Share, other: Share) -> None:
    there, back = statistics.difference_of_shares(one, other), statistics.difference_of_shares(other, one)
    assert there.low is not None
    assert there.high is not None
    assert there.value is not None
    assert -1 <= there.low <= there.value <= there.high <= 1
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))


def test_no_cases_show_no_difference() -> None:
    assert statistics.difference_of_shares(Share(0, 0), Share(1, 2)).value is None
    assert statistics.p_of_shares(Share(0, 0), Share(1, 2)) is None
    assert statistics.p_of_shares(Share(0, 5), Share(0, 7)) == 1.0
    assert statistics.mann_whitney([], [1.0]) is None
    assert statistics.difference_of_quantiles([], [1.0], 0.5) == ((None, None, None), None)


def test_the_score_test_is_pearsons_chi_squared() -> None:
    # 15 of 50 against 25 of 50: chi-squared 4.1667 with one degree of freedom.
    assert statistics.p_of_shares(Share(15, 50), Share(25, 50)) == pytest.approx(0.04123, abs=1e-5)


def test_mann_whitney_as_in_scipys_worked_example() -> None:
    # Ages at the diagnosis of diabetes; SciPy's manual gives U 17 and, asymptotically, p 0.11134688653314041.
    found = statistics.mann_whitney([19, 22, 16, 29, 24], [20, 11, 17, 12])
    assert found is not None
    assert found.u == 17
    assert found.p == pytest.approx(0.11134688653314041, rel=1e-4)
    assert found.larger == pytest.approx(3 / 20)


@CALM
@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.lists(st.integers(0, 9), min_size=1, max_size=30))
def test_ranks_count_the_pairs_in_which_the_second_is_larger(one: list[int], other: list[int]) -> None:
    found = statistics.mann_whitney([float(x) for x in one], [float(y) for y in other])
    assert found is not None
    pairs = [1.0 if y > x else 0.5 if y == x else 0.0 for x in one for y in other]
    assert found.larger == pytest.approx(sum(pairs) / len(pairs))
    assert 0 <= found.p <= 1


@pytest.mark.parametrize("wanted", [0.5, 0.95])
def test_intervals_of_differences_of_quantiles_cover_the_truth_about_as_often_as_they_say(wanted: float) -> None:
    true = float(np.diff(np.quantile(RNG.exponential(1, 400_000), [wanted]) * [[1.0], [1.5]], axis=0)[0, 0])
    hits = 0
    for _ in range(ROUNDS):
        found, p = statistics.difference_of_quantiles(RNG.exponential(1, 300), RNG.exponential(1.5, 250), wanted)
        assert p is not None
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= true <= found.high
    assert 0.91 <= hits / ROUNDS <= 0.995


def test_the_short_way_to_resample_gives_what_resampling_gives() -> None:
    values = np.sort(RNG.lognormal(0, 1, 200))
    short = statistics._resampled(values, 0.95, np.random.default_rng(1))
    places = np.random.default_rng(2).integers(0, 200, (10_000, 200))
    long = np.sort(values[places], axis=1)[:, 189]
    assert np.quantile(short, [0.025, 0.5, 0.975]) == pytest.approx(np.quantile(long, [0.025, 0.5, 0.975]), rel=0.05)


def test_the_same_samples_give_the_same_interval() -> None:
    one, other = RNG.exponential(1, 100), RNG.exponential(1, 100)
    found = [statistics.difference_of_quantiles(one, other, 0.5) for _ in range(2)]
    assert found[0] == found[1]


def test_a_tail_of_few_cases_has_no_interval() -> None:
    few = list(range(60))
    assert statistics.difference_of_quantiles(few, few, 0.95)[0].low is None
    assert statistics.difference_of_quantiles(few, few, 0.5)[0].low is not None
    assert statistics.difference_of_means([1.0], [2.0]) == ((1.0, None, None), None)


def test_welch_covers_the_truth_about_as_often_as_it_says() -> None:
    hits = 0
    for _ in range(ROUNDS):
        found, p = statistics.difference_of_means(RNG.gamma(2, 1, 120), RNG.gamma(2, 2, 80))
        assert p is not None
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 2 <= found.high
    assert 0.90 <= hits / ROUNDS <= 0.99


def test_cases_needed_for_shares_give_the_power_they_promise() -> None:
    # 65 % against 75 %: 329 on each side (328.5 before rounding up).
    needed = statistics.needed_for_shares(0.65, 0.75)
    assert needed == 329
    found = 0
    for _ in range(2_000):
        one, other = (Share(int(RNG.binomial(329, at)), 329) for at in (0.65, 0.75))
        found += (statistics.p_of_shares(one, other) or 0) < 0.05
    assert found / 2_000 == pytest.approx(0.8, abs=0.03)
    assert statistics.needed_for_shares(0.5, 0.5) is None


def test_cases_needed_for_ranks_and_means_give_the_power_they_promise() -> None:
    # Two normal samples half a standard deviation apart: the second is larger with probability 0.6382.
    by_ranks = statistics.needed_for_ranks(0.6382)
    by_means = statistics.needed_for_means(RNG.normal(0, 1, 200_000), RNG.normal(0.5, 1, 200_000))
    assert by_ranks is not None
    assert by_means == pytest.approx(63, abs=3)  # the textbook's 2 (1.96 + 0.84)**2 / 0.5**2
    found = 0
    for _ in range(1_000):
        ranks = statistics.mann_whitney(RNG.normal(0, 1, by_ranks), RNG.normal(0.5, 1, by_ranks))
        found += ranks is not None and ranks.p < 0.05
    assert found / 1_000 == pytest.approx(0.8, abs=0.05)


def test_cases_needed_by_an_interval_agree_with_those_by_means() -> None:
    one, other = RNG.normal(0, 1, 400), RNG.normal(0.2, 1, 400)
    difference, _p = statistics.difference_of_means(one, other)
    by_means = statistics.needed_for_means(one, other)
    assert statistics.needed_by_interval(difference, 400) == pytest.approx(by_means, rel=0.02)
    assert statistics.needed_by_interval(Interval(0.0, -1.0, 1.0), 400) is None


def test_a_quantile_that_differs_by_chance_alone_is_seldom_called_different() -> None:
    found = 0
    for _ in range(ROUNDS):
        _gap, p = statistics.difference_of_quantiles(RNG.exponential(1, 200), RNG.exponential(1, 200), 0.5)
        found += p is not None and p < 0.05
    assert found / ROUNDS <= 0.09


def test_holms_worked_steps() -> None:
    assert statistics.holm([0.01, 0.04, 0.03, None, 0.005]) == pytest.approx([0.03, 0.06, 0.06, None, 0.02])
    assert statistics.holm([]) == []
