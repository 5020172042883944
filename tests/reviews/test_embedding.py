"""What makes two requests alike."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviews.embedding import DIMENSIONS, embed, fingerprint
from reviews.selectors.precedents import ALIKE

REFUND = {"order": "A-17", "amount": 12_000, "currency": "EUR"}


def likeness(left: list[float], right: list[float]) -> float:
    return sum(one * other for one, other in zip(left, right, strict=True))


def refund(summary: str = "Refund a double charge", **changed: Any) -> list[float]:
    return embed("process_refund", REFUND | changed, summary)


def test_the_same_request_always_has_the_same_vector() -> None:
    vector = refund()
    assert vector == refund()
    # Written down so that a change of the embedding, which wants every precedent embedded anew, is noticed.
    heaviest = {place: round(number, 3) for place, number in enumerate(vector) if abs(number) > 0.28}
    assert heaviest == {11: -0.408, 23: -0.303, 98: -0.289, 108: -0.289, 120: -0.289}
    assert len(vector) == DIMENSIONS


def test_another_order_for_nearly_the_same_amount_is_alike() -> None:
    assert likeness(refund(), refund(order="B-4", amount=13_000)) > ALIKE


def test_a_much_smaller_refund_in_another_currency_for_another_reason_is_not_alike() -> None:
    other = refund("Goodwill after a late parcel", order="B-4", amount=20, currency="USD")
    assert likeness(refund(), other) < ALIKE


def test_other_arguments_of_another_action_have_next_to_nothing_in_common() -> None:
    other = embed("send_email", {"to": "x@example.org", "subject": "Hello"}, "Greets a customer")
    assert abs(likeness(refund(), other)) < 0.35


def test_nearer_amounts_are_more_alike() -> None:
    distances = [likeness(refund(), refund(amount=amount)) for amount in (12_000, 14_000, 24_000, 900_000)]
    assert distances == sorted(distances, reverse=True)
    assert len(set(distances)) == 4


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ({"a": 1, "b": [1, 2]}, {"b": [1, 2], "a": 1}, True),
        ({"a": 1}, {"a": 1.5}, False),
        ({"a": [1, 2]}, {"a": [2, 1]}, False),
        ({"a": True}, {"a": 1}, False),
    ],
)
def test_fingerprints_are_equal_exactly_when_the_arguments_are(
    left: dict[str, Any], right: dict[str, Any], *, equal: bool
) -> None:
    assert (fingerprint(left) == fingerprint(right)) is equal


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(arguments=st.dictionaries(st.text(), JSON, max_size=5), summary=st.text())
@settings(max_examples=150, deadline=None)
def test_whatever_is_asked_has_a_vector_of_length_one(arguments: dict[str, Any], summary: str) -> None:
    vector = embed("anything", arguments, summary)
    assert likeness(vector, vector) == pytest.approx(1.0)
    assert -(2**63) <= fingerprint(arguments) < 2**63


def test_arguments_as_deep_and_as_many_as_they_may_be_are_embedded() -> None:
    deep: dict[str, Any] = {}
    for _ in range(200):
        deep = {"in": deep}
    assert len(embed("deep", deep, "")) == DIMENSIONS
    assert len(embed("wide", {str(index): index for index in range(10_000)}, "")) == DIMENSIONS
