"""What differs between versions, and lengths of time as people write them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from reviews.policy.changes import PolicyChange, differences
from reviews.policy.plan import Escalation, ReviewPlan, Step
from reviews.policy.schema import DEFAULT_LEVELS, Effect, Factor, Policy, Rule
from reviews.policy.spans import seconds_of, spelt

FIRST, SECOND = Rule("first", Effect.REVIEW, "args.a > 1"), Rule("second", Effect.REVIEW)
POLICY = Policy((FIRST, SECOND), (Factor("amount", "args.amount > 9", Decimal("0.4")),), DEFAULT_LEVELS)


def test_nothing_differs_from_itself() -> None:
    assert differences(POLICY, POLICY) == []


def test_what_changed_in_a_rule_is_said_by_field() -> None:
    steps = Escalation((Step(60, team="finance"),))
    changed = replace(FIRST, enabled=False, review=ReviewPlan(approvals=2, escalation=steps))
    found = differences(POLICY, replace(POLICY, rules=(changed, SECOND)))
    assert {(one.field, one.before, one.after) for one in found} == {
        ("enabled", "yes", "no"),
        ("review.approvals", "", "2"),
        ("review.escalation.steps[1].seconds", "", "60"),
        ("review.escalation.steps[1].team", "", "finance"),
        ("review.escalation.loops", "", "0"),
        ("review.escalation.final", "", "reject"),
    }


def test_a_rule_that_is_new_or_gone_is_one_difference() -> None:
    third = Rule("third", Effect.AUTO_REJECT, "args.a > 2", reason="No.")
    whole = "condition: args.a > 2\neffect: auto_reject\nenabled: yes\nreason: No."
    more = replace(POLICY, rules=(FIRST, third, SECOND))
    assert differences(POLICY, more) == [PolicyChange("rule", "third", "", "", whole)]
    assert differences(more, POLICY) == [PolicyChange("rule", "third", "", whole, "")]


def test_another_order_is_one_difference() -> None:
    found = differences(POLICY, replace(POLICY, rules=(SECOND, FIRST)))
    assert found == [PolicyChange("rule", "", "order", "first → second", "second → first")]


def test_factors_and_levels_are_compared_too() -> None:
    factors = (replace(POLICY.factors[0], weight=Decimal("0.5")),)
    levels = replace(DEFAULT_LEVELS, high=Decimal("0.7"))
    found = differences(POLICY, replace(POLICY, factors=factors, levels=levels))
    assert found == [
        PolicyChange("factor", "amount", "weight", "0.4", "0.5"),
        PolicyChange("levels", "levels", "high", "0.6", "0.7"),
    ]


@pytest.mark.parametrize(("text", "seconds"), [("45s", 45), ("15m", 900), ("2 h", 7_200), ("1D", 86_400)])
def test_lengths_of_time_are_read_and_written(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds
    assert seconds_of(spelt(seconds)) == seconds


@pytest.mark.parametrize("text", ["", "15", "m", "1.5h", "-3m", "1h30m"])
def test_other_lengths_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        seconds_of(text)
