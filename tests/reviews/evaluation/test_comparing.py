"""Two sides measure by measure: what is clear, what is not yet, and what is said of it."""

import numpy as np
import pytest

from metrics.statistics import Share
from reviews import comparison_words as words
from reviews.comparing import Compared, Measure, Side, by_chance, compare

RNG = np.random.default_rng(5)


def side(count: int, *, failed: float = 0.05, slow: float = 2.0, cost: float = 1e7) -> Side:
    return Side(
        traces=count,
        failed=Share(round(count * failed), count),
        durations=RNG.gamma(4, slow / 4, count).tolist(),
        costs=RNG.gamma(4, cost / 4, count).tolist(),
    )


def of(found: list[Compared], name: Measure) -> Compared:
    return next(one for one in found if one.measure is name)


def test_what_is_clear_is_said_and_what_is_not_says_what_it_takes() -> None:
    found = compare(side(400, slow=4.0, failed=0.05), side(400, slow=2.0, failed=0.06))
    assert of(found, Measure.P95).better == "b"
    assert of(found, Measure.P50).holds
    assert of(found, Measure.ERRORS).better == ""
    assert of(found, Measure.ERRORS).more == pytest.approx(2 * (8_158 - 400), rel=0.01)
    said = words.verdict(found)
    assert any(one.startswith("B is faster: p95 ") and one.endswith("s).") for one in said)
    assert "No difference in errors can be told yet, about 16,000 more traces needed for one of 1 points." in said
    assert said[-1] == "Nothing is known of: approvals, outcomes, scores."


def test_more_is_better_for_approvals_and_less_for_errors() -> None:
    a = Side(failed=Share(1, 200), approvals=Share(20, 100))
    b = Side(failed=Share(60, 200), approvals=Share(90, 100))
    found = compare(a, b)
    assert (of(found, Measure.ERRORS).better, of(found, Measure.APPROVALS).better) == ("a", "b")
    assert words.sentence(of(found, Measure.APPROVALS)).startswith("B is approved more often: 70 points more (")


def test_sides_that_are_alike_need_no_number_of_cases() -> None:
    found = of(compare(Side(failed=Share(5, 100)), Side(failed=Share(5, 100))), Measure.ERRORS)
    assert (found.clear, found.more) == (False, None)
    assert words.sentence(found) == "No difference in errors can be told yet."


def test_few_traces_say_so() -> None:
    found = compare(side(5), side(5))
    assert words.sentence(of(found, Measure.P95)) == "Speed at p95: there are too few cases to tell a difference."


def test_nothing_at_all_is_no_fault() -> None:
    found = compare(Side(), Side())
    assert not any(one.known for one in found)
    assert words.caution(found) == ""
    assert len(words.verdict(found)) == 1


def test_what_only_one_side_knows_is_told_from_what_neither_does() -> None:
    said = words.verdict(compare(Side(approvals=Share(5, 10)), Side()))
    assert "Nothing is known on one side of: approvals." in said
    assert "Nothing is known of: errors, speed at p50, speed at p95, cost, outcomes, scores." in said


def test_the_smallest_costs_have_digits() -> None:
    nanos = (0.0, 2_345.6, 99_000.0, 9_900_000.0, 20_000_000.0)
    shown = ["$0.00", "$0.0000023", "$0.000099", "$0.0099", "$0.0200"]
    assert [words.figure(Measure.COST, value) for value in nanos] == shown
    assert words.signed(Measure.COST, -2_345.6) == "−$0.0000023"


def test_a_difference_that_many_questions_could_make_says_so() -> None:
    a = Side(failed=Share(10, 100), approvals=Share(50, 100), outcomes=Share(50, 100), scores=Share(50, 100))
    b = Side(failed=Share(21, 100), approvals=Share(50, 100), outcomes=Share(51, 100), scores=Share(49, 100))
    errors = of(compare(a, b), Measure.ERRORS)
    assert (errors.clear, errors.holds) == (True, False)
    assert words.sentence(errors).endswith("Among so many measures this may be chance.")
    assert by_chance(compare(a, b)) == pytest.approx(1 - 0.95**4)


def test_where_nothing_differs_a_clear_difference_is_as_rare_as_is_said() -> None:
    rounds = 150
    false = corrected = 0
    for _ in range(rounds):
        sides = [
            Side(failed=Share(int(RNG.binomial(300, 0.1)), 300), durations=RNG.gamma(4, 1, 300).tolist()) for _ in "ab"
        ]
        found = compare(*sides)
        false += any(one.clear for one in found)
        corrected += any(one.holds for one in found)
    assert false / rounds <= 0.22
    assert corrected / rounds <= 0.10
