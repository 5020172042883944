"""The hash of arguments: RFC 8785 for all that it can write, exact for the rest."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import handrail
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from reviews.canonical import arguments_hash, canonical

values: Any = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text("ab/~é😀"), children, max_size=4),
    max_leaves=12,
)
objects: Any = st.dictionaries(st.text("ab/~é😀"), values, max_size=5)


def test_the_example_of_the_rfc() -> None:
    # RFC 8785, section 3.2.2 and 3.2.3.
    sent = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": '€$\u000f\nA\'B"\\\\"/',
        "literals": [None, True, False],
    }
    written = '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
    written += '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    assert canonical(sent).decode() == written
    assert arguments_hash(sent) == hashlib.sha256(written.encode()).hexdigest()


@given(objects)
def test_neither_the_order_of_keys_nor_a_trip_through_json_changes_it(arguments: dict[str, Any]) -> None:
    turned = dict(reversed(json.loads(json.dumps(arguments)).items()))
    assert arguments_hash(turned) == arguments_hash(arguments)


@given(objects)
def test_the_client_comes_to_the_same_hash(arguments: dict[str, Any]) -> None:
    assert handrail.arguments_hash(arguments) == arguments_hash(arguments)


@given(objects, objects)
def test_other_arguments_have_another_hash(one: dict[str, Any], other: dict[str, Any]) -> None:
    # Python's equality takes 1, 1.0 and True for one value; JSON takes the first two.
    same = rfc(one) == rfc(other)
    assert (arguments_hash(one) == arguments_hash(other)) == same


def rfc(value: Any) -> Any:
    """What tells two JSON values apart: an exact number beyond a double's whole ones from all else, too."""
    if isinstance(value, dict):
        return {name: rfc(child) for name, child in value.items()}
    if isinstance(value, list):
        return [rfc(child) for child in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        beyond = isinstance(value, int) and abs(value) > 2**53 - 1
        return ("exact", value) if beyond else ("number", rfc8785.dumps(value))
    return ("other", json.dumps(value))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"account": 2**53 + 1}, {"account": 2**53 + 2}),
        ({"account": 10**39 + 1}, {"account": str(10**39 + 1)}),
        ({"account": 10**20}, {"account": 1e20}),
        ({"a": 2**60, "b": str(2**60)}, {"a": str(2**60), "b": 2**60}),
    ],
)
def test_an_account_number_is_never_rounded_into_another(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert arguments_hash(one) != arguments_hash(other)
