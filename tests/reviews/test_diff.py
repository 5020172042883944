"""The structural diff of JSON values."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reviews.diff import Change, changes, same

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=20,
)


def apply(value: Any, edits: list[Change]) -> Any:
    """Carries changes out on a copy: replacements first, removals from the end, additions from the start."""
    value = _copy(value)
    for change in [edit for edit in edits if edit.kind == "changed"]:
        if not change.path:
            return change.after
        _parent(value, change)[change.path[-1]] = change.after
    for change in [edit for edit in reversed(edits) if edit.kind == "removed"]:
        del _parent(value, change)[change.path[-1]]
    for change in [edit for edit in edits if edit.kind == "added"]:
        parent, last = _parent(value, change), change.path[-1]
        if isinstance(parent, list):
            assert isinstance(last, int)
            parent.insert(last, change.after)
        else:
            parent[last] = change.after
    return value


def _parent(value: Any, change: Change) -> Any:
    for part in change.path[:-1]:
        value = value[part]
    return value


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(part) for key, part in value.items()}
    return [_copy(part) for part in value] if isinstance(value, list) else value


@given(json_values, json_values)
def test_no_changes_exactly_when_the_values_are_the_same(before: Any, after: Any) -> None:
    assert (changes(before, after) == []) == same(before, after)


@given(st.dictionaries(st.text(max_size=5), json_values), st.dictionaries(st.text(max_size=5), json_values))
def test_carrying_out_the_changes_of_objects_gives_the_second_value(before: Any, after: Any) -> None:
    assert same(apply(before, changes(before, after)), after)


def test_number_types_and_booleans_are_told_apart() -> None:
    assert [change.place for change in changes({"a": 1, "b": 1}, {"a": True, "b": 1.0})] == ["a", "b"]


def test_the_order_of_keys_means_nothing() -> None:
    assert changes({"a": 1, "b": 2}, {"b": 2, "a": 1}) == []


def test_an_insertion_at_the_front_of_a_list_is_one_change() -> None:
    assert changes({"to": ["b", "c"]}, {"to": ["a", "b", "c"]}) == [Change(("to", 0), "added", after="a")]


def test_places_are_written_as_people_and_as_pointers_write_them() -> None:
    (change,) = changes({"lines": [{"a/b": 1}]}, {"lines": [{"a/b": 2}]})
    assert (change.place, change.pointer) == ("lines[0].a/b", "/lines/0/a~1b")
