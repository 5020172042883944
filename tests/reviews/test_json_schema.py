"""Schemas from agents: useful where they can be, bounded always."""

from __future__ import annotations

from typing import Any

import pytest

from reviews.json_schema import TooComplex, schema_problem, violations

ORDER = {
    "type": "object",
    "properties": {
        "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
        "iban": {"type": "string", "pattern": "^DE[0-9]{20}$"},
    },
    "required": ["lines"],
    "$defs": {"line": {"type": "object", "properties": {"amount": {"type": "number", "maximum": 100}}}},
}


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
        ({"$ref": "https://example.org/schema.json"}, "outside itself"),
        ({"properties": {"a": {"$ref": "#/$defs/missing"}}}, "does not have"),
        ({"pattern": "(?=lookahead)"}, "regular expression"),
        ({"patternProperties": {"a+": {}}}, "patternProperties"),
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
