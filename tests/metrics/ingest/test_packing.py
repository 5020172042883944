"""Details of spans of one trace share a value, and every one of them comes out again."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.ingest import packing
from metrics.ingest.packing import Member, Unreadable

members = st.lists(
    st.tuples(st.binary(min_size=8, max_size=8), st.integers(0, 2**62), st.text(max_size=200)),
    min_size=1,
    max_size=20,
    unique_by=lambda one: one[:2],
)


def member(number: int, text: str) -> Member:
    return Member(number.to_bytes(8, "big"), number, orjson.dumps({"text": text}))


def read(one: Member, values: dict[packing.SpanKey, bytes]) -> bytes:
    key = (one.span_id, one.start_ns)
    holder = packing.pointed_at(values[key]) or key
    return packing.members(values[holder], holder)[key]


@given(members)
def test_whatever_goes_into_a_group_comes_out(given_members: list[tuple[bytes, int, str]]) -> None:
    group = [Member(span_id, start, orjson.dumps({"text": text})) for span_id, start, text in given_members]
    values = dict(zip([(one.span_id, one.start_ns) for one in group], packing.pack_group(group), strict=True))
    for one in group:
        assert read(one, values) == one.json


def test_the_span_that_started_last_holds_the_value() -> None:
    values = packing.pack_group([member(3, "c"), member(1, "a"), member(2, "b")])
    assert [packing.pointed_at(value) for value in values] == [
        None,
        (member(3, "").span_id, 3),
        (member(3, "").span_id, 3),
    ]


def test_what_repeats_is_stored_once() -> None:
    text = "".join(str(number * 7919) for number in range(500))
    alone = len(packing.pack_json(member(1, text).json))
    together = sum(map(len, packing.pack_group([member(number, text) for number in range(1, 11)])))
    assert together < 2 * alone


def test_a_group_stays_small_enough_to_be_opened_for_one_span() -> None:
    group = [member(number, "x" * 300_000) for number in range(1, 9)]
    values = packing.pack_group(group)
    assert sum(packing.pointed_at(value) is None for value in values) == 3
    keyed = dict(zip([(one.span_id, one.start_ns) for one in group], values, strict=True))
    assert all(read(one, keyed) == one.json for one in group)


@pytest.mark.parametrize("damaged", [b"", b"\x09abc", b"\x01abc", b"\x02abc"])
def test_a_damaged_value_is_said_to_be_unreadable(damaged: bytes) -> None:
    with pytest.raises(Unreadable):
        packing.members(damaged, (b"12345678", 1))


def test_a_damaged_pointer_is_said_to_be_unreadable() -> None:
    with pytest.raises(Unreadable):
        packing.pointed_at(b"\x03abc")
