"""Arguments as form fields and back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviews.argument_edit import Unreadable, merged
from reviews.argument_fields import PREFIX, editable, fields, shown
from reviews.arguments import excerpt, in_words, parsed, pretty
from reviews.diff import same

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
objects = st.dictionaries(
    st.text(max_size=6),
    st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_size=5,
)


def submitted(text: str) -> str:
    """What a browser sends for a textarea that shows `text`."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")


def change(arguments: dict[str, Any], place: str, text: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return merged(arguments, fields(arguments, schema), {PREFIX + place: text})


@given(objects)
def test_submitting_an_untouched_form_changes_nothing(arguments: dict[str, Any]) -> None:
    found = fields(arguments)
    posted = {leaf.name: submitted(leaf.text) for entry in found for leaf in entry.leaves()}
    assert same(merged(arguments, found, posted), arguments)


@given(objects, st.text())
def test_a_changed_text_changes_that_text_only(arguments: dict[str, Any], text: str) -> None:
    changed = change({**arguments, "note": "before"}, "/note", text)
    assert changed.pop("note") == text.replace("\r\n", "\n").replace("\r", "\n")
    assert same(changed, {key: value for key, value in arguments.items() if key != "note"})


@pytest.mark.parametrize(
    ("before", "text", "after"),
    [(100, "250", 250), (100, "2.5", 2.5), (1.0, "1", 1), (True, "false", False), (None, "7", 7), (None, "Ada", "Ada")],
)
def test_what_is_typed_becomes_the_type_of_the_field(before: Any, text: str, after: Any) -> None:
    assert same(change({"x": before}, "/x", text), {"x": after})


def test_digits_typed_into_a_text_stay_text() -> None:
    assert change({"account": "0042"}, "/account", "0043") == {"account": "0043"}


def test_a_nested_field_is_changed_in_place() -> None:
    assert change({"to": {"name": "A", "mail": "a@x"}}, "/to/mail", "b@x") == {"to": {"name": "A", "mail": "b@x"}}


def test_lists_are_edited_as_json() -> None:
    assert change({"ids": [1, 2]}, "/ids", "[1, 2, 3]") == {"ids": [1, 2, 3]}


@pytest.mark.parametrize("text", ["twelve", "", "true", "1e999", "NaN", '"5"'])
def test_what_is_no_number_is_refused_with_its_field(text: str) -> None:
    with pytest.raises(Unreadable) as refused:
        change({"amount": 5}, "/amount", text)
    assert list(refused.value.errors) == [PREFIX + "/amount"]


@pytest.mark.parametrize(
    "text",
    [
        "[1]",
        "{",
        "NaN",
        '{"a": 1, "a": 2}',
        "",
        '{"a": "\\u0000"}',
        '{"a": "\\ud800"}',
        "[" * 100_000,
        '{"a": 1e400}',
        '{"a": {"b": [-1e400]}}',
    ],
)
def test_raw_arguments_have_to_be_one_clean_object(text: str) -> None:
    with pytest.raises(ValueError):
        parsed(text)


def test_titles_descriptions_and_choices_come_from_the_schema() -> None:
    schema = {
        "properties": {"c": {"$ref": "#/$defs/Currency", "title": "Currency"}},
        "$defs": {"Currency": {"enum": ["USD", "EUR"], "title": "Hidden", "description": "ISO 4217"}},
    }
    (found,) = fields({"c": "USD"}, schema)
    assert (found.label, found.help, found.kind) == ("Currency", "ISO 4217", "choice")
    assert [choice.text for choice in found.choices] == ["USD", "EUR"]


def test_a_schema_that_refers_to_itself_ends() -> None:
    schema = {"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"$ref": "#/$defs/A"}}}
    assert fields({"a": 1}, schema)[0].label == "A"


def test_hundreds_of_fields_are_not_put_into_a_form() -> None:
    assert not editable(fields({str(number): number for number in range(500)}))
    assert editable(fields({"a": 1}))


def test_a_page_shows_three_hundred_fields_and_says_how_many_are_left_out() -> None:
    wide = {"a": {str(number): number for number in range(200)}, **{str(number): number for number in range(400)}}
    page = shown(fields(wide))
    assert sum(1 for entry in page.fields for _leaf in entry.leaves()) == 299  # And the group.
    assert page.left_out == 301
    assert shown(fields({"a": 1})).left_out == 0


def test_many_long_lists_are_not_all_drawn() -> None:
    page = shown(fields({str(number): [1] * 500 for number in range(100)}))
    assert (len(page.fields), page.left_out) == (6, 94)


def test_what_indenting_would_blow_up_comes_in_one_line() -> None:
    assert pretty({"a": [1]}) == '{\n  "a": [\n    1\n  ]\n}'
    assert len(pretty({"a": {"b": {"c": [1] * 40_000}}})) < 130_000
    assert excerpt("x" * 50_010) == ("x" * 50_000, 10)


@pytest.mark.parametrize(
    ("name", "words"),
    [("process_refund", "Process refund"), ("crm.delete-user", "Crm delete user"), ("DROP *", "DROP *")],
)
def test_identifiers_are_read_as_words(name: str, words: str) -> None:
    assert in_words(name) == words
