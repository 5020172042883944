"""Masking of anything at all: the quick look misses nothing, and masked text masks to itself."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.ingest.masking import Masker, Plan, Policy
from metrics.ingest.masking_own import OwnPattern
from metrics.ingest.rows import Value

OWN = (OwnPattern("order", r"^ORD-\d{4}$"), OwnPattern("quoted", 'x"y.z'), OwnPattern("lines", r"foo\sbar\b"))
PLANS = [
    Plan(Policy(key=b"k")),
    Plan(Policy(key=b"k", pseudonyms=True)),
    Plan(Policy(key=b"k", patterns=OWN)),
]
PARTS = [
    "ana@example.com", "+49 170 1234567", "4111111111111111", "4111 1111 1111 1111", "123-45-6789", "12345678Z",
    "DE89370400440532013000", "sk-abcdefghij1234567890", "hunter2", "password=", '"password": "', '\\"api_key\\":\\"',
    "phone: ", "0612345678", "06 12 34 56 78", "415-555-2671", "86095742719", "Bearer ", "abcdefgh12345678ijkl",
    "Authorization: Basic dXNlcjpwYXNz", "://u:p@", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----",
    "[email]", "[phone:1234567890]", "[secret]", " ", "\n", "\t", '"', "\\", "\\n", "\\u003c", ".", "-", "_", ":", "@",
    "é", "1", "12", "a", "Z", "token", "'", "=", ",", "{", "}", "[", "]", "(", ")", "ORD-1234", 'x"y\\z', "foo\nbar",
    "sk_live_abcdefghij", "hf_", "\x00", "\x07", "ssn", "tel ", "/", "+", "%", "00",
]  # fmt: skip
TEXTS = st.lists(st.one_of(st.sampled_from(PARTS), st.text(max_size=3)), max_size=8).map("".join)
NAMES = st.one_of(TEXTS, st.sampled_from(["password", "phone", "api_key", "token", "ssn", "a.b"]))
LEAVES = st.one_of(
    TEXTS, st.integers(-(2**63), 2**63 - 1), st.sampled_from([4111111111111111, 378282246310005]),
    st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.none(),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=8
)


def the_same(one: Value, other: Value) -> bool:
    """Whether two values say the same, numbers told from words."""
    return orjson.dumps(one) == orjson.dumps(other)


@pytest.mark.parametrize("plan", PLANS)
@settings(max_examples=300, deadline=None)
@given(value=VALUES)
def test_whatever_is_changed_was_suspected(plan: Plan, value: Value) -> None:
    masker = Masker(plan)
    try:
        data = orjson.dumps(value)
    except orjson.JSONEncodeError:
        return  # half a surrogate cannot be stored at all
    walked = masker.value(value, 0)
    assert the_same(walked, value) or masker.suspects(data)
    assert the_same(walked, masker.value(value))


@pytest.mark.parametrize("plan", PLANS[:2])
@settings(max_examples=300, deadline=None)
@given(value=VALUES)
def test_what_is_masked_masks_to_itself(plan: Plan, value: Value) -> None:
    masker = Masker(plan)
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return
    once = masker.value(value)
    assert the_same(masker.value(once), once)


@settings(max_examples=300, deadline=None)
@given(before=TEXTS, after=TEXTS)
def test_an_address_between_words_is_never_left(before: str, after: str) -> None:
    masked = Masker(PLANS[0]).text(f"{before} ana.maria@example.com {after}")
    assert "ana.maria@" not in masked
