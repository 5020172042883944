"""Drift of one person against the others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.comparison import Z
from reviews.drift import WEEKS, Count, combined, drift


def steady(share: float, weekly: int = 50) -> list[Count]:
    return [Count(round(share * weekly), weekly)] * WEEKS


def changing(before: float, after: float, weekly: int = 50) -> list[Count]:
    return steady(before, weekly)[:8] + steady(after, weekly)[8:]


def test_a_difference_is_newcombes_published_one() -> None:
    """R. G. Newcombe, 1998, "Interval estimation for the difference between independent proportions", table II, (a)."""
    found = combined([(1, Count(56, 70)), (-1, Count(48, 80))], z=Z)
    assert found == pytest.approx((0.2, 0.0524, 0.3339), abs=0.0001)


def test_whoever_changes_while_the_others_do_not_has_drifted() -> None:
    found = drift(changing(0.6, 0.96), steady(0.6, 500))
    assert found.is_drift
    assert found.moved.value == pytest.approx(0.36, abs=0.001)
    assert (found.before.whole, found.recent.whole) == (400, 200)
    assert not drift(changing(0.6, 0.96), changing(0.6, 0.95, 500)).is_drift


def test_who_stays_while_all_others_change_has_moved_against_them() -> None:
    found = drift(steady(0.6), changing(0.6, 0.9, 500))
    assert found.is_drift
    assert found.moved.value == pytest.approx(-0.3, abs=0.01)


@pytest.mark.parametrize(("own", "rest"), [([Count()] * WEEKS, steady(0.5)), (steady(0.5), [Count()] * WEEKS)])
def test_without_decisions_or_without_others_nothing_can_be_told(own: list[Count], rest: list[Count]) -> None:
    found = drift(own, rest)
    assert found.moved.value is None
    assert not found.is_drift


def test_few_decisions_are_no_drift() -> None:
    own = [Count()] * 6 + [Count(2, 3)] * 2 + [Count(2, 2)] * 2 + [Count()] * 2
    assert not drift(own, steady(0.5, 500)).is_drift


def test_many_comparisons_make_the_interval_wider_and_false_alarms_as_rare() -> None:
    one, many = drift(changing(0.6, 0.7), steady(0.6, 500)), drift(changing(0.6, 0.7), steady(0.6, 500), comparisons=40)
    assert one.moved.low is not None
    assert many.moved.low is not None
    assert many.moved.low < one.moved.low
    random = np.random.default_rng(5)

    def weeks() -> list[Count]:
        return [Count(int(random.binomial(40, 0.8)), 40) for _ in range(WEEKS)]

    alarms = 0
    for _ in range(100):
        people = [weeks() for _ in range(10)]
        whole = [sum((person[week] for person in people), Count()) for week in range(WEEKS)]
        found = [drift(own, [w - o for w, o in zip(whole, own, strict=True)], comparisons=10) for own in people]
        alarms += any(one.is_drift for one in found)
    assert alarms <= 12


counts = st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda two: Count(min(two), max(two)))


@given(st.lists(counts, min_size=WEEKS, max_size=WEEKS), st.lists(counts, min_size=WEEKS, max_size=WEEKS))
def test_the_interval_holds_the_move(own: list[Count], rest: list[Count]) -> None:
    at, low, high = drift(own, rest).moved
    if at is not None:
        assert low is not None
        assert high is not None
        assert -2 - 1e-9 <= at <= 2 + 1e-9
        assert low - 1e-9 <= at <= high + 1e-9
