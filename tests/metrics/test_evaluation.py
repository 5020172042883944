"""Dimensions, their goodness and the overall score."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics import evaluation, histogram
from metrics.evaluation import TARGETS, WEIGHTS, Dimension, Facts, Group, Standard, Wrong, evaluate
from metrics.statistics import Share

# What is drawn is small; a busy machine is not a slow strategy.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
FULL = Facts(
    right=Share(90, 100),
    durations=histogram.pairs(histogram.buckets([2e9] * 100).tolist()),
    failed=Share(10, 100),
    timed_out=Share(3, 100),
    recovered=Share(4, 100),
    clean=Share(99, 100),
    explained=Share(50, 100),
    groups=[Group("north", Share(45, 50)), Group("south", Share(35, 50)), Group("tiny", Share(0, 3))],
    groups_by="correctness",
)


def test_the_defaults_are_those_that_were_asked_for() -> None:
    assert list(TARGETS.values()) == [0.85, 5.0, 0.05, 0.90, 0.80, 0.10]
    assert list(WEIGHTS.values()) == [0.3, 0.2, 0.2, 0.15, 0.1, 0.05]
    Standard().check()


def test_every_dimension_by_its_formula() -> None:
    found = evaluate(FULL, Standard())
    assert [one.goodness for one in found.findings] == pytest.approx([0.9, 1.0, 0.9, 0.99, 0.5, 0.8])
    assert found.overall == pytest.approx(100 * (0.27 + 0.2 + 0.18 + 0.1485 + 0.05 + 0.04))
    assert found.covered == 1
    assert [one.met for one in found.findings] == [True, True, False, True, False, False]
    assert found["performance"].at.value == pytest.approx(2, rel=0.02)
    assert found["robustness"].notes == {"timed_out": 0.03, "recovered": 0.04, "of": 100}


def test_what_is_not_known_is_left_out_and_the_others_weigh_more() -> None:
    found = evaluate(Facts(right=Share(8, 10), failed=Share(0, 10)), Standard())
    assert found.missing == ["performance", "security", "explainability", "fairness"]
    assert found["security"].goodness is None
    assert found["security"].met is None
    assert [one.share for one in found.findings] == [pytest.approx(0.6), None, pytest.approx(0.4), None, None, None]
    assert found.overall == pytest.approx(100 * (0.6 * 0.8 + 0.4))
    assert found.covered == pytest.approx(0.5)


def test_nothing_known_is_no_score_at_all() -> None:
    found = evaluate(Facts(), Standard())
    assert (found.overall, found.covered) == (None, 0)
    assert len(found.missing) == 6


def test_a_target_is_surely_met_only_when_the_whole_interval_says_so() -> None:
    few, many = (evaluate(Facts(right=Share(9 * n, 10 * n)), Standard())["correctness"] for n in (1, 100))
    assert (few.met, few.sure) == (True, False)
    assert (many.met, many.sure) == (True, True)


def test_fairness_compares_the_extremes_of_groups_that_are_large_enough() -> None:
    found = evaluate(FULL, Standard())["fairness"]
    assert found.at.value == pytest.approx(0.2)
    assert (found.notes["best"], found.notes["worst"], found.notes["small"]) == ("north", "south", 1)
    assert found.count == 100
    alone = evaluate(Facts(groups=[Group("north", Share(45, 50)), Group("tiny", Share(0, 3))]), Standard())
    assert not alone["fairness"].known


def test_a_slow_agent_is_worth_less_the_slower_it_is() -> None:
    assert evaluation.goodness(Dimension.PERFORMANCE, 10.0, 5.0) == 0.5
    assert evaluation.goodness(Dimension.PERFORMANCE, 1.0, 5.0) == 1.0


shares = st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda pair: Share(min(pair), max(pair)))


@CALM
@given(shares, shares, shares, shares, st.lists(shares, max_size=4))
def test_scores_stay_within_their_bounds(
    right: Share, failed: Share, clean: Share, explained: Share, groups: list[Share]
) -> None:
    named = [Group(str(place), one) for place, one in enumerate(groups) if one.whole]
    found = evaluate(Facts(right=right, failed=failed, clean=clean, explained=explained, groups=named), Standard())
    known = [one.goodness for one in found.findings if one.goodness is not None]
    assert all(0 <= one <= 1 for one in known)
    assert (found.overall is None) == (not known)
    if found.overall is not None:
        assert 100 * min(known) - 1e-9 <= found.overall <= 100 * max(known) + 1e-9
        assert sum(one.share or 0 for one in found.findings) == pytest.approx(1)


@pytest.mark.parametrize(
    ("name", "standard"),
    [
        ("correctness", Standard(targets={**TARGETS, Dimension.CORRECTNESS: 1.2})),
        ("performance", Standard(targets={**TARGETS, Dimension.PERFORMANCE: 0})),
        ("fairness", Standard(weights={**WEIGHTS, Dimension.FAIRNESS: -0.1})),
        ("weights", Standard(weights={**WEIGHTS, Dimension.FAIRNESS: 0.5})),
        ("security", Standard(targets={**TARGETS, Dimension.SECURITY: float("nan")})),
    ],
)
def test_a_target_or_weight_that_means_nothing_is_named(name: str, standard: Standard) -> None:
    with pytest.raises(Wrong) as caught:
        standard.check()
    assert caught.value.name == name
