"""Merged histograms against the values that went into them."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.points.buckets import (
    Explicit,
    ExplicitLayout,
    Exponential,
    ExponentialLayout,
    layout_of,
    read,
    vector,
)

VALUES = st.lists(st.floats(0.001, 100_000), min_size=1, max_size=60)
BOUNDS = st.lists(st.sampled_from([0.5, 1.0, 5.0, 10.0, 50.0, 100.0, 1_000.0]), min_size=1, unique=True).map(sorted)


def explicit(values: list[float], bounds: list[float]) -> Explicit:
    counts = np.bincount(np.searchsorted(bounds, values, side="left"), minlength=len(bounds) + 1)
    found = read("histogram", {"bounds": bounds, "counts": counts.tolist()}, len(values))
    assert isinstance(found, Explicit)
    return found


def exponential(values: list[float], scale: int, zeros: int = 0, threshold: float = 0.0) -> Exponential:
    packed: dict[str, Any] = {"scale": scale, "zero_count": zeros, "zero_threshold": threshold}
    for name, sign in (("positive", 1), ("negative", -1)):
        sizes = [abs(value) for value in values if value * sign > 0]
        indexes = [math.ceil(math.log2(size) * 2**scale) - 1 for size in sizes]
        low = min(indexes, default=0)
        packed[name] = {"offset": low, "counts": np.bincount([one - low for one in indexes]).tolist()}
    found = read("exponential_histogram", packed, len(values))
    assert isinstance(found, Exponential)
    return found


@given(VALUES, BOUNDS, VALUES, BOUNDS)
def test_mixed_bounds_merge_to_the_shared_ones_exactly(
    one: list[float], one_bounds: list[float], two: list[float], two_bounds: list[float]
) -> None:
    parts = [explicit(one, one_bounds), explicit(two, two_bounds)]
    layout = ExplicitLayout(parts)
    shared = sorted(set(one_bounds) & set(two_bounds))
    assert list(layout.bounds) == shared
    merged = layout.vector(parts[0]) + layout.vector(parts[1])
    naive = np.bincount(np.searchsorted(shared, one + two, side="left"), minlength=len(shared) + 1)
    assert merged.tolist() == naive.tolist()


@given(VALUES, BOUNDS, st.floats(0.01, 0.99))
def test_a_quantile_of_explicit_buckets_lies_in_the_bucket_of_the_true_one(
    values: list[float], bounds: list[float], share: float
) -> None:
    layout = ExplicitLayout([explicit(values, bounds)])
    found = layout.quantile(layout.vector(explicit(values, bounds)), share)
    true = sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]
    place = int(np.searchsorted(bounds, true, side="left"))
    assert found is not None
    if place == len(bounds):
        assert found == bounds[-1]
    else:
        assert (bounds[place - 1] if place else 0.0) - 1e-9 <= found <= bounds[place] + 1e-9


def test_linear_between_bounds_as_prometheus_does() -> None:
    layout = ExplicitLayout([Explicit((10.0, 20.0), np.array([0.0, 4.0, 0.0]))])
    assert layout.quantile(np.array([0.0, 4.0, 0.0]), 0.5) == 15.0
    assert layout.quantile(np.array([4.0, 0.0, 0.0]), 0.5) == 5.0
    assert layout.quantile(np.array([0.0, 0.0, 4.0]), 0.5) == 20.0
    assert layout.quantile(np.array([0.0, 0.0, 0.0]), 0.5) is None
    assert ExplicitLayout([Explicit((), np.array([3.0]))]).quantile(np.array([3.0]), 0.5) is None


SIGNED = st.lists(st.one_of(st.floats(0.001, 100_000), st.floats(-100_000, -0.001)), min_size=1, max_size=60)


@given(SIGNED, st.integers(0, 4), SIGNED, st.integers(0, 4), st.floats(0.01, 0.99))
def test_exponential_histograms_of_different_scales_merge_and_keep_the_quantile_in_its_bucket(
    one: list[float], one_scale: int, two: list[float], two_scale: int, share: float
) -> None:
    parts = [exponential(one, one_scale), exponential(two, two_scale)]
    layout = ExponentialLayout(parts)
    merged = layout.vector(parts[0]) + layout.vector(parts[1])
    assert merged.sum() == len(one) + len(two)
    # As if all had been counted with the coarsest scale.
    whole = exponential(one + two, layout.scale)
    assert ExponentialLayout([whole]).vector(whole).tolist() == merged.tolist()
    true = sorted(one + two)[max(math.ceil(share * len(one + two)) - 1, 0)]
    found = layout.quantile(merged, share)
    assert found is not None
    growth = 2.0 ** (2.0**-layout.scale) * (1 + 1e-9)
    assert found * true > 0
    assert 1 / growth <= found / true <= growth


def test_a_wide_range_is_brought_to_few_buckets() -> None:
    parts = [exponential([value], 12) for value in (1e-9, 1e9)]
    layout = ExponentialLayout(parts)
    assert layout.size <= 321
    assert sum(layout.vector(part).sum() for part in parts) == 2


def test_zeros_lie_between_the_signs() -> None:
    part = exponential([-4.0, 4.0], 0, zeros=8, threshold=0.5)
    layout = layout_of([part])
    counts = vector(layout, part)
    assert counts is not None
    assert layout.quantile(counts, 0.5) == pytest.approx(0.0)
    assert -0.5 <= (layout.quantile(counts, 0.3) or -9) <= 0.5


@pytest.mark.parametrize(
    ("kind", "packed"),
    [
        ("histogram", {"bounds": [2, 1], "counts": [1, 1, 1]}), ("histogram", {"bounds": [1], "counts": [1]}),
        ("histogram", {"bounds": ["NaN"], "counts": [1, 1]}), ("histogram", {"bounds": [1], "counts": [1, -1]}),
        ("histogram", {"bounds": list(range(10_000)), "counts": [1] * 10_001}), ("histogram", {}),
        ("exponential_histogram", {"scale": 99, "zero_count": 0, "zero_threshold": 0,
                                   "positive": {"offset": 0, "counts": [1]}, "negative": {"offset": 0, "counts": []}}),
        ("exponential_histogram", {"scale": 1, "zero_count": 0, "zero_threshold": "Infinity",
                                   "positive": {"offset": 0, "counts": [1]}, "negative": {"offset": 0, "counts": []}}),
        ("exponential_histogram", {"scale": None}),
    ],
)  # fmt: skip
def test_buckets_that_contradict_themselves_are_none(kind: str, packed: dict[str, Any]) -> None:
    assert read(kind, packed, 1) is None


def test_a_point_without_buckets_has_one_for_all_its_values() -> None:
    found = read("histogram", {"bounds": [], "counts": []}, 7)
    assert isinstance(found, Explicit)
    assert found.counts.tolist() == [7.0]


def test_an_infinite_last_bound_says_nothing_that_the_highest_bucket_does_not() -> None:
    packed = {"bounds": [1.0, "Infinity"], "counts": [2, 3, 0]}
    found = read("histogram", packed, 5)
    assert isinstance(found, Explicit)
    assert (found.bounds, found.counts.tolist()) == ((1.0,), [2.0, 3.0])
