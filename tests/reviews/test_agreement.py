"""Coefficients of agreement against published worked examples, and what must hold of any."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.comparison import share
from reviews.agreement import Coefficient, Pattern, Why, cohen, fleiss, krippendorff, pattern, unanimous

Coefficients = Callable[[Mapping[Pattern, int]], Coefficient]
OF_MANY = [fleiss, krippendorff]

# J. L. Fleiss, 1971, table 1: 30 patients, six psychiatrists each, five diagnoses.
DIAGNOSES = (
    "444444 222555 233335 555555 222444 113333 333355 113334 114444 555555 144444 124444 222333 144444 224445 "
    "333335 111455 111112 224444 133555 555555 244444 224555 114444 144445 222224 111155 224444 133333 555555"
)


def of(items: Iterable[Iterable[str]]) -> Counter[Pattern]:
    return Counter(pattern(item) for item in items)


def units(*people: str) -> Counter[Pattern]:
    """What people said of units in turn, a column for each; a dot where somebody said nothing."""
    return of([[said for said in unit if said != "."] for unit in zip(*people, strict=True)])


def table(rows: list[list[int]]) -> dict[tuple[str, str], int]:
    return {(str(i), str(j)): count for i, row in enumerate(rows) for j, count in enumerate(row) if count}


def ends(found: Coefficient) -> tuple[float, float]:
    """Where the interval of a coefficient that has one begins and ends."""
    _value, low, high = found.interval
    assert low is not None
    assert high is not None
    return low, high


def test_fleiss_kappa_of_the_diagnoses_of_1971() -> None:
    found = fleiss(of(DIAGNOSES.split()))
    assert found.value == pytest.approx(0.430, abs=0.0005)
    assert (found.items, found.ratings) == (30, 180)
    low, high = ends(found)
    # Fleiss tells a standard error of 0.024 for no agreement at all; whole patients drawn anew spread wider.
    assert 0.25 < low < 0.40 < 0.46 < high < 0.60


def test_cohens_kappa_with_the_standard_error_of_1969() -> None:
    """Fleiss, Cohen and Everitt, 1969, table 1: 200 cases, kappa 0.429, standard error 0.054."""
    found = cohen(table([[106, 10, 4], [22, 28, 10], [2, 12, 6]]))
    assert found.value == pytest.approx(0.429, abs=0.0005)
    low, high = ends(found)
    assert (high - low) / 2 / 1.96 == pytest.approx(0.054, abs=0.0005)


def test_cohens_kappa_as_a_statistics_package_prints_it() -> None:
    """The example of SAS' FREQ procedure: 0.4842, 95 % limits 0.2137 and 0.7547."""
    found = cohen(table([[0, 4, 1], [0, 8, 0], [0, 1, 5]]))
    assert found.interval == pytest.approx((0.4842, 0.2137, 0.7547), abs=0.0001)


@pytest.mark.parametrize(
    ("people", "alpha"),
    [
        # K. Krippendorff, 2011, "Computing Krippendorff's alpha-reliability": sections A, B and C.
        (["0100000010", "1110010000"], 0.095),
        (["aabbdcccedda", "babbbccceddd"], 0.692),
        (["123321412...", "1233224125.3", ".3332342251.", "12332441251."], 0.743),
        # The example with most ratings missing that encyclopedias give.
        ([".....34121133.3", "1.213343.......", "..21344.21133.4"], 0.691),
    ],
)
def test_krippendorffs_alpha_of_his_examples(people: list[str], alpha: float) -> None:
    assert krippendorff(units(*people)).value == pytest.approx(alpha, abs=0.0005)


def test_with_two_people_alpha_is_nearly_scotts_pi_which_is_fleiss_kappa() -> None:
    items = of(["aa", "ab", "bb", "ba", "aa", "cc", "ca", "bb", "aa", "ac", "bb", "ab"])
    pi, alpha = fleiss(items).value, krippendorff(items).value
    assert pi is not None
    ratings = 24
    assert alpha == pytest.approx(pi + (1 - pi) / ratings)


@pytest.mark.parametrize("coefficient", OF_MANY)
def test_perfect_agreement_is_one_and_its_bound_is_not(coefficient: Coefficients) -> None:
    found = coefficient(of(["aa"] * 15 + ["bbb"] * 15))
    assert found.value == pytest.approx(1.0)
    low, high = ends(found)
    assert 0.7 < low < 0.95
    assert high == 1.0


@pytest.mark.parametrize("coefficient", OF_MANY)
def test_agreement_by_chance_is_nought(coefficient: Coefficients) -> None:
    random = np.random.default_rng(7)
    found = coefficient(of(["".join(random.choice(list("aab"), size=random.integers(2, 5))) for _ in range(4_000)]))
    assert found.value == pytest.approx(0.0, abs=0.03)
    low, high = ends(found)
    assert -0.1 < low < 0.03
    assert -0.03 < high < 0.1


@pytest.mark.parametrize("coefficient", OF_MANY)
def test_nothing_to_compare_is_not_defined(coefficient: Coefficients) -> None:
    for nothing in (of([]), of(["a", "b"])):
        found = coefficient(nothing)
        assert (found.value, found.why, found.items) == (None, Why.NOTHING, 0)
    assert cohen({}).why is Why.NOTHING


@pytest.mark.parametrize("coefficient", OF_MANY)
def test_one_category_alone_is_not_defined(coefficient: Coefficients) -> None:
    found = coefficient(of(["aa"] * 50))
    assert (found.value, found.interval.low, found.why, found.items) == (None, None, Why.ONE_CATEGORY, 50)
    assert cohen({("a", "a"): 50}).why is Why.ONE_CATEGORY


@pytest.mark.parametrize("coefficient", OF_MANY)
def test_few_items_have_a_value_and_no_interval(coefficient: Coefficients) -> None:
    found = coefficient(of(["aa", "ab", "bb"]))
    assert found.value is not None
    assert (found.interval.low, found.interval.high) == (None, None)


@pytest.mark.parametrize("coefficient", OF_MANY)
def test_where_resamples_are_mostly_undefined_there_is_no_interval(coefficient: Coefficients) -> None:
    found = coefficient(of(["aa"] * 19 + ["ab"]))
    assert found.value is not None
    assert found.interval.low is None


@pytest.mark.parametrize("coefficient", OF_MANY)
def test_the_interval_covers_what_the_ratings_come_from(coefficient: Coefficients) -> None:
    """Two people who see the truth with 0.8 and else guess: kappa is 0.64. Of 200 intervals some 190 hold it."""
    random = np.random.default_rng(3)

    def item() -> str:
        truth = str(random.choice(["a", "b"]))
        return "".join(truth if random.random() < 0.8 else str(random.choice(["a", "b"])) for _ in range(2))

    held = 0
    for _ in range(200):
        low, high = ends(coefficient(of([item() for _ in range(100)])))
        held += low <= 0.64 <= high
    assert held >= 180


@given(st.lists(st.text("abc", min_size=0, max_size=4), max_size=40))
def test_a_value_is_a_number_in_its_range_and_its_interval_holds_it(items: list[str]) -> None:
    for coefficient in OF_MANY:
        found = coefficient(of(items))
        assert (found.value is None) == (found.why is not Why.DEFINED)
        assert all(number is None or math.isfinite(number) for number in found.interval)
        if found.value is not None:
            assert -1.0 - 1e-9 <= found.value <= 1.0 + 1e-9
        assert coefficient(of(items)) == found


@given(st.dictionaries(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), st.integers(0, 30)))
def test_cohens_kappa_is_the_same_whoever_is_named_first(counts: dict[tuple[str, str], int]) -> None:
    one, other = cohen(counts), cohen({(b, a): count for (a, b), count in counts.items()})
    assert one.why is other.why
    if one.value is not None:
        assert one.interval == pytest.approx(other.interval)
        assert one.value <= 1.0


def test_unanimous_counts_only_what_several_judged() -> None:
    assert unanimous(of(["aa", "ab", "bbb", "a"])) == (2, 3)
    assert share(*unanimous(of([]))).value is None
