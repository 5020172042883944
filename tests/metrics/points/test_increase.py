"""Increases of counters against naive models: whatever a sender does, what was counted is counted once."""

import random
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from metrics.points.increase import Increment, Sample, delta, increments, spread

# A life of a counter: gaps and amounts between its points, and whether it restarts before the point.
STEPS = st.lists(st.tuples(st.integers(1, 1_000), st.integers(0, 500), st.booleans()), min_size=1, max_size=30)


def lives(steps: list[tuple[int, int, bool]], *, says_when: bool) -> tuple[list[Sample], int]:
    """The points of a counter that started at 0, and how much it counted in all."""
    now, start, total, counted = 0, 0, 0, 0
    samples: list[Sample] = []
    for gap, amount, restarts in steps:
        if restarts and samples:
            start, total = now, 0
        now += gap
        total += amount
        counted += amount
        samples.append(Sample(now, start if says_when else None, np.array([float(total)])))
    return samples, counted


def amount(found: list[Increment]) -> float:
    return float(sum(one.values[0] for one in found))


@given(STEPS, st.randoms(use_true_random=False))
def test_all_that_was_counted_is_found_whatever_the_order_and_however_often(
    steps: list[tuple[int, int, bool]], chance: random.Random
) -> None:
    samples, counted = lives(steps, says_when=True)
    mixed = samples + [one for one in samples if chance.random() < 0.5]
    chance.shuffle(mixed)
    assert amount(increments(mixed, counters=1)) == counted


@given(STEPS)
def test_without_start_times_a_fall_is_a_restart_and_the_first_point_only_a_beginning(
    steps: list[tuple[int, int, bool]],
) -> None:
    samples, _ = lives(steps, says_when=False)
    values = [one.values[0] for one in samples]
    naive = sum(now - before if now >= before else now for before, now in pairwise(values))
    assert amount(increments(samples, counters=1)) == naive


@given(STEPS)
def test_points_left_out_lose_nothing_between_restarts(steps: list[tuple[int, int, bool]]) -> None:
    steady = [(gap, amount, False) for gap, amount, _ in steps]
    samples, counted = lives(steady, says_when=True)
    assert amount(increments(samples[::3] + samples[-1:], counters=1)) == counted


def test_a_level_may_fall_and_is_no_counter() -> None:
    samples = [Sample(time, 0, np.array([value])) for time, value in ((1, 5.0), (2, 3.0), (3, 4.0))]
    assert [one.values[0] for one in increments(samples, counters=0)] == [5.0, -2.0, 1.0]


def test_a_start_that_is_the_points_own_time_is_unknown() -> None:
    samples = [Sample(10, 10, np.array([7.0])), Sample(20, 10, np.array([9.0]))]
    assert [one.values[0] for one in increments(samples, counters=1)] == [2.0]


MOMENTS = st.integers(-500, 1_500)


@given(st.lists(st.tuples(MOMENTS, st.integers(0, 300), st.integers(0, 100)), max_size=20))
def test_spreading_keeps_what_lies_inside_and_follows_the_overlap(parts: list[tuple[int, int, int]]) -> None:
    found = [Increment(begin, begin + length, np.array([float(value)])) for begin, length, value in parts]
    table = spread(found, start_ns=0, step_ns=100, bins=10, size=1)
    naive = np.zeros(10)
    for begin, length, value in parts:
        for place in range(10):
            low, high = place * 100, place * 100 + 100
            if length == 0:
                naive[place] += value if low < begin <= high else 0
            else:
                naive[place] += value * max(min(begin + length, high) - max(begin, low), 0) / length
    assert np.allclose(table[:, 0], naive)


@given(STEPS, st.integers(-2_000, 20_000), st.integers(1, 700))
def test_deltas_and_totals_of_one_life_fall_into_the_same_bins(
    steps: list[tuple[int, int, bool]], start: int, step: int
) -> None:
    samples, _ = lives(steps, says_when=True)
    deltas, time_ns = [], 0
    for gap, amount, _ in steps:
        deltas.append(delta(Sample(time_ns + gap, time_ns, np.array([float(amount)]))))
        time_ns += gap
    found = [
        spread(one, start_ns=start, step_ns=step, bins=20, size=1) for one in (deltas, increments(samples, counters=1))
    ]
    assert np.allclose(found[0], found[1])
