"""Null and back, and alternatives of a schema, in the editor of arguments."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.test import Client

from reviews.argument_edit import filled, nulled, switched
from reviews.argument_fields import Field, fields
from reviews.models import Approval, Decision
from tests.reviews.test_pages_deciding import HTMX, ask, reviewer, send
from tests.reviews.test_pages_people import Ask

__all__ = ["ask", "reviewer"]

CARD = {
    "title": "Card",
    "type": "object",
    "required": ["kind", "number"],
    "properties": {"kind": {"const": "card"}, "number": {"type": "string"}, "note": {"type": "string"}},
}
BANK = {
    "title": "Bank transfer",
    "type": "object",
    "required": ["kind", "iban"],
    "properties": {"kind": {"const": "bank"}, "iban": {"type": "string"}, "note": {"type": "string"}},
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "$defs": {"card": CARD, "bank": BANK},
    "properties": {
        "pay": {"oneOf": [{"$ref": "#/$defs/card"}, {"$ref": "#/$defs/bank"}], "description": "How"},
        "until": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "count": {"type": ["integer", "null"]},
        "tags": {"type": ["array", "null"], "items": {"type": "string"}},
        "free": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        "who": {"anyOf": [{"$ref": "#/$defs/card"}, {"$ref": "#/$defs/bank"}, {"type": "null"}]},
    },
}
PAID = {"pay": {"kind": "card", "number": "4711", "note": "now"}, "until": "May"}


def rows_of(arguments: dict[str, Any]) -> list[Field]:
    return fields(arguments, SCHEMA, editing=True)


def row_at(arguments: dict[str, Any], name: str) -> Field:
    return next(row for row in rows_of(arguments) if row.path == (name,))


@pytest.mark.parametrize(("name", "value", "first"), [("until", "May", ""), ("count", 3, 0), ("tags", ["a"], [])])
def test_what_may_be_null_becomes_null_and_has_a_value_again(name: str, value: Any, first: Any) -> None:
    start = {name: value}
    assert row_at(start, name).can_be_null
    empty = nulled(start, rows_of(start), f"/{name}")
    assert empty == {name: None}
    assert row_at(empty, name).can_be_filled
    assert not row_at(empty, name).can_be_null
    assert filled(empty, rows_of(empty), f"/{name}") == {name: first}


@pytest.mark.parametrize("place", ["/free", "/pay", "/pay/kind", "/nowhere", ""])
def test_what_may_not_be_null_stays(place: str) -> None:
    start = {**PAID, "free": "x"}
    assert nulled(start, rows_of(start), place) == start
    assert filled(start, rows_of(start), place) == start


def test_the_alternative_that_a_value_is_is_recognised() -> None:
    row = row_at(PAID, "pay")
    assert ([one.title for one in row.alternatives], row.chosen) == (["Card", "Bank transfer"], 0)
    assert row_at({"pay": {"kind": "bank", "iban": "DE1"}}, "pay").chosen == 1
    assert row_at({"pay": {"kind": "cash"}}, "pay").chosen is None
    assert row_at({"free": "x"}, "free").alternatives == ()
    assert [part.label for part in row.children] == ["Kind", "Number", "Note"]


def test_another_alternative_keeps_what_both_have_in_common() -> None:
    changed = switched(PAID, rows_of(PAID), "1 /pay")
    assert changed == {"pay": {"kind": "bank", "iban": "", "note": "now"}, "until": "May"}
    assert row_at(changed, "pay").chosen == 1
    assert switched({"who": None}, rows_of({"who": None}), "0 /who") == {"who": {"kind": "card", "number": ""}}


@pytest.mark.parametrize("place", ["2 /pay", "x /pay", "/pay", "0 /until", "", "-1 /pay"])
def test_what_the_schema_does_not_offer_changes_nothing(place: str) -> None:
    assert switched(PAID, rows_of(PAID), place) == PAID


def test_a_schema_whose_alternatives_are_themselves_ends() -> None:
    tree: dict[str, Any] = {"title": "Tree", "anyOf": [{"$ref": "#/$defs/t"}, {"title": "Leaf", "type": "string"}]}
    schema = {"$defs": {"t": tree}, "properties": {"t": {"$ref": "#/$defs/t"}}}
    rows = fields({"t": "x"}, schema, editing=True)
    assert [one.title for one in rows[0].alternatives] == ["Tree", "Leaf"]
    assert isinstance(switched({"t": "x"}, rows, "0 /t"), dict)


def changed(client: Client, approval: Approval, **form: str) -> str:
    typed = {"mode": "fields", "json": html.unescape('{"pay": {"kind": "card", "number": "1"}, "count": 3}'), **form}
    answer = client.post(f"/p/shop/queue/{approval.pk}/changes/", typed, headers=HTMX)
    return html.unescape(answer.content.decode())


def test_the_editor_offers_both_and_sends_what_was_chosen(ask: Ask, reviewer: Client) -> None:
    wanted = ask(arguments={"pay": {"kind": "card", "number": "1"}, "count": 3}, arguments_schema=SCHEMA)
    page = changed(reviewer, wanted, null="/count", **{"argument:/count": "3", "argument:/pay/number": "77"})
    assert 'name="fill" value="/count"' in page
    assert re.search(r'value="0 /pay" aria-pressed="true"', page)
    assert 'value="77"' in page
    page = changed(reviewer, wanted, choose="1 /pay")
    assert re.search(r'value="1 /pay" aria-pressed="true"', page)
    assert 'name="argument:/pay/iban"' in page
    seen = re.search(r'name="seen" value="([0-9a-f]{64})"', page)
    assert seen
    text = re.search(r'name="json" value="(\{.*?\})">', page)
    assert text
    send(reviewer, wanted, verdict="edit", step="send", mode="json", json=text[1], seen=seen[1])
    assert Decision.objects.get().arguments == {"pay": {"kind": "bank", "iban": ""}, "count": 3}


def test_what_is_always_the_same_is_no_field_to_type_in_and_the_label_is_the_fields_own() -> None:
    row = row_at(PAID, "pay")
    assert (row.label, row.titled) == ("Pay", False)
    assert [(option.value, option.text) for option in row.children[0].choices] == [("card", "card")]
