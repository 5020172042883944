"""Forms that a JSON Schema draws: what is there, what could be, and what becomes of it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from reviews.argument_edit import Unreadable, added, merged, removed
from reviews.argument_fields import PREFIX, Field, fields
from reviews.argument_shapes import shape
from reviews.diff import same
from tests.reviews.test_arguments import objects, submitted

ORDER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "order": {"type": "string", "title": "Order"},
        "quantity": {"type": "integer", "minimum": 1, "maximum": 9},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "priority": {"enum": [1, 2, None]},
        "ship": {"oneOf": [{"const": "air", "title": "By air"}, {"const": "sea", "title": "By sea"}]},
        "on": {"type": "string", "format": "date"},
        "gift": {"type": "boolean"},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
        "tags": {"type": "array", "items": {"type": "string"}},
        "address": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
    "required": ["order", "lines"],
    "$defs": {
        "line": {
            "type": "object",
            "properties": {"sku": {"type": "string"}, "price": {"type": "number"}, "size": {"type": "string"}},
            "required": ["sku", "price"],
        }
    },
}
SENT = {"order": "A-1", "quantity": 2, "lines": [{"sku": "x", "price": 1.0}, {"sku": "y", "price": 3}], "tags": ["a"]}


def all_of(arguments: dict[str, Any]) -> dict[str, Field]:
    return {part.key: part for entry in fields(arguments, ORDER, editing=True) for part in entry.walk()}


def typed(arguments: dict[str, Any], **texts: str) -> dict[str, Any]:
    posted = {f"{PREFIX}/{place.replace('__', '/')}": text for place, text in texts.items()}
    return merged(arguments, fields(arguments, ORDER, editing=True), posted)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(objects)
def test_an_untouched_form_changes_nothing_whatever_the_schema_says(arguments: dict[str, Any]) -> None:
    mixed = {**SENT, **arguments}
    schema = {**ORDER, "properties": {**ORDER["properties"], **{key: {"type": "string"} for key in arguments}}}
    found = fields(mixed, schema, editing=True)
    posted = {leaf.name: submitted(leaf.text) for entry in found for leaf in entry.leaves()}
    assert same(merged(mixed, found, posted), mixed)


def test_what_the_schema_names_and_the_arguments_lack_can_be_filled_in() -> None:
    found = all_of(SENT)
    assert (found["gift"].absent, found["gift"].kind, found["address"].extensible) == (True, "boolean", True)
    assert typed(SENT, note="", gift="") == SENT
    changed = typed(SENT, note="ring twice", gift="true", priority="2", on="2026-03-04")
    assert changed == {**SENT, "note": "ring twice", "gift": True, "priority": 2, "on": "2026-03-04"}


def test_reading_shows_only_what_is_there() -> None:
    assert [entry.key for entry in fields(SENT, ORDER)] == list(SENT)


def test_an_entry_of_a_list_is_changed_where_it_is() -> None:
    changed = typed(SENT, lines__1__price="2.5", tags__0="b")
    assert changed["lines"] == [{"sku": "x", "price": 1.0}, {"sku": "y", "price": 2.5}]
    assert changed["tags"] == ["b"]
    assert SENT["tags"] == ["a"]


def test_an_entry_is_added_with_what_the_schema_requires() -> None:
    found = fields(SENT, ORDER, editing=True)
    assert added(SENT, found, "/lines")["lines"][2] == {"sku": "", "price": 0}
    assert added(SENT, found, "/address")["address"] == {"city": ""}
    assert added(SENT, found, "/tags")["tags"] == ["a", ""]


@pytest.mark.parametrize("place", ["/order", "/nowhere", "", "/lines/0/sku"])
def test_nothing_is_added_or_taken_away_where_the_schema_gives_no_leave(place: str) -> None:
    found = fields(SENT, ORDER, editing=True)
    assert added(SENT, found, place) == SENT
    assert removed(SENT, found, place) == SENT


def test_an_entry_and_an_optional_part_can_be_taken_away() -> None:
    found = fields(SENT, ORDER, editing=True)
    assert removed(SENT, found, "/lines/0")["lines"] == [{"sku": "y", "price": 3}]
    assert "quantity" not in removed(SENT, found, "/quantity")


def test_choices_have_their_titles_and_keep_what_is_not_offered() -> None:
    assert [choice.label for choice in all_of(SENT)["ship"].choices] == ["By air", "By sea"]
    odd = all_of({**SENT, "ship": "rail"})["ship"]
    assert (odd.text, [choice.text for choice in odd.choices]) == ("rail", ["rail", "air", "sea"])
    assert typed({**SENT, "ship": "rail"}, ship="sea")["ship"] == "sea"
    with pytest.raises(Unreadable):
        typed(SENT, ship="submarine")


def test_what_is_typed_has_the_type_that_the_schema_names() -> None:
    assert typed({**SENT, "note": None}, note="7")["note"] == "7"
    assert typed({**SENT, "quantity": "2"}, quantity="3")["quantity"] == 3
    with pytest.raises(Unreadable):
        typed(SENT, quantity="many")


@pytest.mark.parametrize(
    ("text", "kind"), [("2026-03-04", "date"), ("", "date"), ("tomorrow", "text"), ("2026-3-4", "text")]
)
def test_a_date_that_no_browser_would_send_back_is_edited_as_text(text: str, kind: str) -> None:
    assert all_of({**SENT, "on": text})["on"].input_type == kind


def test_limits_are_told_in_words() -> None:
    assert all_of(SENT)["quantity"].shape.limits == "at least 1, at most 9"


def test_parts_of_allof_add_up_and_the_nearest_word_counts() -> None:
    schema = {
        "allOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"$ref": "#/$defs/b"}],
        "title": "Both",
        "$defs": {"b": {"properties": {"b": {"default": 4}}, "required": ["b"], "title": "Hidden"}},
    }
    found = shape(schema, schema)
    assert (found.title, sorted(found.names), found.blank()) == ("Both", ["a", "b"], {"a": "", "b": 4})


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"properties": {"a": {"$ref": "#"}}, "required": ["a"], "type": "object"},
        {"type": 5, "enum": "x", "properties": [], "required": "a", "items": 7, "anyOf": {}},
        {"properties": {"a": {"type": ["string", {}]}, "b": {"enum": [{}, [1]]}}},
    ],
)
def test_schemas_without_end_or_sense_still_give_a_form(schema: dict[str, Any]) -> None:
    assert isinstance(shape(schema, schema).blank(), dict | str | int)
    assert len(fields({"a": {"a": {}}}, schema, editing=True)) >= 1


def test_a_schema_that_refers_to_itself_everywhere_is_read_soon() -> None:
    schema = {"allOf": [{"$ref": "#"}], "properties": {f"p{n}": {"$ref": "#"} for n in range(600)}}
    arguments = {f"p{n}": {f"p{m}": 1 for m in range(600)} for n in range(4)}
    many = {"list": [{"a": 1}] * 20_000}
    names: dict[str, Any] = {"properties": {"list": {"items": {"properties": {f"p{n}": {} for n in range(2_000)}}}}}
    started = time.thread_time()
    assert len(fields(arguments, schema)) == 4
    assert fields(arguments, schema, editing=True)
    assert fields(many, names)
    assert fields(many, names, editing=True)
    assert time.thread_time() - started < 2


def test_a_blank_of_a_schema_that_needs_itself_is_bounded() -> None:
    names = [f"a{n}" for n in range(24)]
    schema = {"type": "object", "properties": {name: {"$ref": "#"} for name in names}, "required": names}
    started = time.thread_time()
    blank = shape(schema, schema).blank()
    assert time.thread_time() - started < 0.5
    assert len(json.dumps(blank)) < 5_000
