"""The default policy: factors, thresholds, words, and tolerance of whatever agents send."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviews.policy.engine import Assessment, evaluate
from reviews.policy.plan import ReviewPlan
from reviews.policy.schema import Effect, dump, load
from reviews.policy.templates import DEFAULT_POLICY
from reviews.policy.values import as_number

FIRST_DOCUMENT = {
    "format": 1,
    "rules": [{"name": "every request is reviewed", "effect": "review"}],
    "factors": [
        {
            "name": "amount",
            "field": "amount",
            "cases": [
                {"comparison": "over", "operand": "10000", "weight": "0.4"},
                {"comparison": "over", "operand": "1000", "weight": "0.2"},
            ],
        },
        {
            "name": "data classification",
            "field": "data_classification",
            "cases": [{"comparison": "equals", "operand": "confidential", "weight": "0.3"}],
        },
        {
            "name": "irreversible",
            "field": "irreversible",
            "cases": [{"comparison": "is_true", "operand": None, "weight": "0.3"}],
        },
    ],
    "levels": {"medium": "0.3", "high": "0.6", "critical": "0.9"},
}


def judged(arguments: dict[str, Any], context: dict[str, Any] | None = None) -> Assessment:
    return evaluate(DEFAULT_POLICY, {"action": "refund", "args": arguments, "context": context or {}})


def score(arguments: dict[str, Any], context: dict[str, Any] | None = None) -> tuple[str, float]:
    risk = judged(arguments, context).risk
    return risk.level, float(risk.score)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, ("low", 0.0)),
        ({"amount": 1_000}, ("low", 0.0)),
        ({"amount": 1_000.01}, ("low", 0.2)),
        ({"amount": 10_000}, ("low", 0.2)),
        ({"amount": 10_000.01}, ("medium", 0.4)),
        ({"irreversible": True}, ("medium", 0.3)),
        ({"data_classification": "Confidential "}, ("medium", 0.3)),
        ({"data_classification": "public"}, ("low", 0.0)),
        ({"amount": 5_000, "irreversible": True}, ("medium", 0.5)),
        ({"irreversible": True, "data_classification": "confidential"}, ("high", 0.6)),
        ({"amount": 12_000, "irreversible": True}, ("high", 0.7)),
        ({"amount": 5_000, "irreversible": True, "data_classification": "confidential"}, ("high", 0.8)),
        ({"amount": 12_000, "irreversible": True, "data_classification": "confidential"}, ("critical", 1.0)),
    ],
)
def test_factors_add_up_to_levels(arguments: dict[str, Any], expected: tuple[str, float]) -> None:
    assert score(arguments) == expected


def test_the_context_is_looked_at_where_the_arguments_are_silent() -> None:
    assert score({"amount": None}, {"amount": 20_000, "irreversible": True}) == ("high", 0.7)
    assert score({"amount": 5}, {"amount": 20_000}) == ("low", 0.0)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("12000", "12000"),
        ("$12,000.50", "12000.50"),
        ("12,000 EUR", "12000"),
        ("12000 usd", "12000"),
        ("-3", "-3"),
        ("1e5", "100000"),
        (Decimal("7.5"), "7.5"),
        (10**400, str(10**400)),
        (float("inf"), "Infinity"),
        ("1e999999", "1e999999"),
    ],
)
def test_numbers_are_read_in_many_forms(value: object, number: str) -> None:
    assert as_number(value) == Decimal(number)


@pytest.mark.parametrize(
    "value",
    [
        True,
        None,
        "",
        "-",
        "about 3",
        "20k",
        "5 M",
        "2mio",
        "1,2,3",
        "NaN",
        float("nan"),
        [],
        {},
        "9" * 65,
        "1e99999999",
    ],
)
def test_what_is_no_number_is_not_taken_for_one(value: object) -> None:
    assert as_number(value) is None


@pytest.mark.parametrize("value", [True, "true", "YES", " on ", 1, 2.5])
def test_true_is_read_in_many_forms(value: object) -> None:
    assert score({"irreversible": value}) == ("medium", 0.3)


@pytest.mark.parametrize("value", [False, "false", "no", 0, 0.0, float("nan"), [], {"a": 1}, "maybe"])
def test_what_is_not_true_adds_nothing(value: object) -> None:
    assert score({"irreversible": value}) == ("low", 0.0)


def test_the_explanation_says_what_was_seen() -> None:
    risk = judged({"amount": 12_000, "irreversible": True}).risk
    assert (
        risk.explanation == "High risk, score 0.70: amount 12,000 is over 10,000 (+0.4); irreversible is true (+0.3)."
    )
    assert [factor.name for factor in risk.factors] == ["amount", "irreversible"]


def test_an_amount_that_cannot_be_read_is_said() -> None:
    risk = judged({"amount": "a lot"}).risk
    assert risk.level == "low"
    assert "Amount a lot is not a number and was not counted." in risk.explanation


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.decimals()
    | st.integers(1, 9).map(lambda n: n * 10**4_000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.dictionaries(st.sampled_from(["amount", "irreversible", "data_classification"]), anything),
    st.dictionaries(st.sampled_from(["amount", "irreversible", "data_classification"]), anything),
)
def test_no_value_breaks_the_assessment(arguments: dict[str, Any], context: dict[str, Any]) -> None:
    assessment = judged(arguments, context)
    assert 0 <= assessment.risk.score <= 1
    assert len(assessment.risk.explanation) < 2_000
    assert (assessment.rule, assessment.effect) == ("every request is reviewed", Effect.REVIEW)


def test_a_policy_survives_being_stored() -> None:
    assert load(dump(DEFAULT_POLICY)) == DEFAULT_POLICY


def test_versions_of_the_first_format_still_mean_the_same() -> None:
    first = load(FIRST_DOCUMENT)
    assert (first.factors, first.levels) == (DEFAULT_POLICY.factors, DEFAULT_POLICY.levels)
    assert [rule.name for rule in first.rules] == ["every request is reviewed"]
    assert first.rules[0].review == ReviewPlan(four_eyes=False, reauthenticate=False)


def test_a_document_of_an_unknown_format_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match="unknown format"):
        load({"format": 99})
