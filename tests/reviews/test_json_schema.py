"""Schemas from agents: useful where they can be, bounded always."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest

from reviews.json_schema import TooComplex, findings, schema_problem

ORDER = {
    "type": "object",
    "properties": {
        "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
        "iban": {"type": "string", "pattern": "^DE[0-9]{20}$"},
    },
    "required": ["lines"],
    "$defs": {"line": {"type": "object", "properties": {"amount": {"type": "number", "maximum": 100}}}},
}


def violations(schema: dict[str, Any], value: object) -> list[tuple[str, str]]:
    return findings(schema, value).violations


def test_violations_name_the_place() -> None:
    assert schema_problem(ORDER) is None
    assert violations(ORDER, {"lines": [{"amount": 5}], "iban": "DE" + "1" * 20}) == []
    assert violations(ORDER, {"lines": [{}, {"amount": 500}]}) == [
        ("lines[1].amount", "500 is greater than the maximum of 100")
    ]
    assert violations(ORDER, {})[0][1] == "'lines' is a required property"


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ([], "must be a JSON Schema object"),
        ({"type": "objekt"}, "is not a valid JSON Schema"),
        ({"required": [{}] * 15_000}, "is not a valid JSON Schema"),
        ({"required": "name"}, "is not a valid JSON Schema"),
        ({"minimum": "1"}, "is not a valid JSON Schema"),
        ({"description": "x" * 70_000}, "at most"),
    ],
)
def test_unusable_schemas_are_refused_in_words(schema: object, words: str) -> None:
    assert words in (schema_problem(schema) or "")


def test_a_pattern_that_backtracks_for_ever_elsewhere_is_quick_here() -> None:
    schema = {"pattern": "^(a+)+$"}
    assert schema_problem(schema) is None
    assert violations(schema, "a" * 5_000 + "b")


def doubling(depth: int) -> dict[str, Any]:
    steps: dict[str, Any] = {f"s{n}": {"allOf": [{"$ref": f"#/$defs/s{n + 1}"}] * 2} for n in range(depth)}
    return {"$ref": "#/$defs/s0", "$defs": {**steps, f"s{depth}": {}}}


@pytest.mark.parametrize("schema", [{"$ref": "#"}, doubling(40)])
def test_a_schema_without_end_is_given_up(schema: dict[str, Any]) -> None:
    assert schema_problem(schema) is None
    with pytest.raises(TooComplex):
        violations(schema, {"a": 1})


DRAFT = "https://json-schema.org/draft/2020-12/schema"
OF_A_DECIMAL = r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$"


@pytest.mark.parametrize(
    ("schema", "passed_over"),
    [
        ({"pattern": OF_A_DECIMAL}, f"pattern {OF_A_DECIMAL}"),
        ({"pattern": "a{4294967296}"}, "pattern a{4294967296}"),
        ({"not": {"pattern": "(?=x)"}}, "pattern (?=x)"),
        ({"oneOf": [{"pattern": "(?=x)"}, {"type": "string"}]}, "pattern (?=x)"),
        ({"if": {"pattern": "(?=x)"}, "then": False}, "pattern (?=x)"),
        ({"$ref": "https://example.org/schema.json"}, "$ref https://example.org/schema.json"),
        ({"$ref": "#/$defs/missing"}, "$ref #/$defs/missing"),
        ({"$ref": "http://["}, "$ref http://["),
        ({"allOf": [True], "$ref": "#/allOf/foo"}, "$ref #/allOf/foo"),
        ({"minimum": 1, "$ref": "#/minimum/x"}, "$ref #/minimum/x"),
    ],
)
def test_what_cannot_be_checked_is_passed_over_and_named(schema: dict[str, Any], passed_over: str) -> None:
    whole = {"properties": {"a": schema}, **({"allOf": [True]} if "allOf" in schema else {})}
    assert schema_problem(schema) is None
    assert findings(schema, "abc").violations == []
    assert findings(schema, "abc").passed_over == [passed_over]
    assert findings(whole, {"a": "abc"}).violations == []


@pytest.mark.parametrize(
    ("schema", "fits", "breaks"),
    [
        ({"patternProperties": {"^a": {"type": "number"}}, "additionalProperties": False}, {"ab": 1}, {"b": 1}),
        ({"patternProperties": {"^a": {"type": "number"}}}, {"b": "x"}, {"a": "x"}),
        ({"properties": {"a": {"items": [{"type": "number"}, {"type": "string"}]}}}, {"a": [1, "x"]}, {"a": [1, 2]}),
        ({"properties": {"a": {"items": [{}], "additionalItems": False}}}, {"a": [1]}, {"a": [1, 2]}),
        ({"properties": {"a": {"minimum": 3, "exclusiveMinimum": True}}}, {"a": 4}, {"a": 3}),
        ({"properties": {"a": {"maximum": 3, "exclusiveMaximum": True}}}, {"a": 2}, {"a": 3}),
        ({"properties": {"a": {"type": "string", "required": True}}}, {"a": "x"}, {}),
        ({"definitions": {"n": {"type": "number"}}, "items": {"$ref": "#/definitions/n"}}, [1], ["x"]),
        ({"dependencies": {"a": ["b"]}}, {"a": 1, "b": 2}, {"a": 1}),
        ({"$schema": "draft-07", "$id": "#root", "type": "string"}, "x", 1),
    ],
)
def test_what_older_drafts_say_differently_is_understood(schema: dict[str, Any], fits: Any, breaks: Any) -> None:
    assert schema_problem(schema) is None
    assert (findings(schema, fits).violations, findings(schema, fits).passed_over) == ([], [])
    assert violations(schema, breaks)


@pytest.mark.parametrize(
    ("name", "fits", "breaks"),
    [
        ("date", "2026-11-21", "2026-13-21"),
        ("time", "14:30:00Z", "25:00:00Z"),
        ("date-time", "2026-11-21T14:30:00+01:00", "yesterday"),
        ("date-time", "2026-11-21T14:30:00.123", "2026-11-21"),
        ("duration", "P3DT2H", "3 days"),
        ("email", "zoe@example.org", "zoe at example.org"),
        ("uuid", "0190f5fe-7c00-7a00-8000-000000000000", "0190f5fe"),
        ("uri", "https://example.org/a?b#c", "example org"),
        ("uri", "mailto:zoe@example.org", "http://[/"),
        ("hostname", "shop.example.org", "-shop-.example.org"),
        ("ipv4", "10.0.0.1", "10.0.0.256"),
        ("ipv6", "2001:db8::1", "2001:db8::g"),
        ("of our own", "anything", None),
    ],
)
def test_formats_are_checked(name: str, fits: str, breaks: str | None) -> None:
    schema = {"type": "object", "properties": {"a": {"format": name}}}
    assert violations(schema, {"a": fits}) == violations(schema, {"a": 5}) == []
    assert breaks is None or [place for place, _text in violations(schema, {"a": breaks})] == ["a"]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"items": {"not": {"enum": [f"v{n}" for n in range(5_000)]}}}, ["z"] * 4_000),
        ({"uniqueItems": True}, [{"key": n} for n in range(4_000)]),
        (
            {"items": {"$schema": "https://json-schema.org/draft/2020-12/schema", "pattern": "^(a+)+$"}},
            ["a" * 40 + "b"],
        ),
        ({"patternProperties": {"^(a+)+$": False}, "additionalProperties": {}}, {"a" * 40 + "b": 1}),
        ({"$ref": "#/x", "x": {"type": "objekt"}}, 1),
        ({"enum": [{}] * 15_000}, {}),
    ],
)
def test_no_schema_takes_long(schema: dict[str, Any], value: Any) -> None:
    started = time.thread_time()
    assert schema_problem(schema) is None
    with contextlib.suppress(TooComplex):
        violations(schema, value)
    assert time.thread_time() - started < 2


def test_entries_are_the_same_when_their_json_is() -> None:
    unique = {"uniqueItems": True}
    assert violations(unique, [1, True, "1", [1], {"a": 1}, {"a": True}]) == []
    assert violations(unique, [1, 1.0])
    assert violations(unique, [{"a": 1, "b": 2}, {"b": 2, "a": 1}])
