"""The keywords of JSON Schema (2020-12, and what older drafts say differently) as they can be applied to foreign input.

Pure. Regular expressions run on an engine without backtracking, what costs more than a step counts as more, and
nothing is fetched. A part that cannot be applied here is passed over and named: whatever depends on it is passed over
too, so that it never makes something wrong that is right.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any

import attrs
import pydantic
from jsonschema import Draft202012Validator, ValidationError, validators
from jsonschema import _legacy_keywords as legacy
from pydantic_core import SchemaError as PatternError
from referencing.exceptions import Unresolvable

from reviews.json_formats import wrong_format

STEPS_MAX = 50_000
SECONDS_MAX = 1.0
"""Of the processor's time, for one value."""

SHOWN_CHARS = 80
CHARS_PER_STEP = 200
OPTIONS_PER_STEP = 20

Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]
Errors = Iterator[ValidationError]


class TooComplex(Exception):
    """The schema could not be applied within the bounds."""


@dataclass
class Run:
    """One application of a schema: what it has cost, and what it passed over, in words."""

    steps_max: int = STEPS_MAX
    patterned: bool = False
    """Whether the document has patternProperties anywhere."""
    steps: int = 0
    doubts: int = 0
    passed_over: dict[str, None] = field(default_factory=dict)
    until: float = field(default_factory=lambda: time.thread_time() + SECONDS_MAX)

    def charge(self, steps: int) -> None:
        """Raises TooComplex when the bounds are reached."""
        self.steps += steps
        if self.steps > self.steps_max or time.thread_time() > self.until:
            raise TooComplex("the schema takes too long to apply")

    def pass_over(self, keyword: str, value: object) -> None:
        """Notes that a part cannot be applied."""
        self.doubts += 1
        text = value if isinstance(value, str) else json.dumps(value)
        self.passed_over[f"{keyword} {text[:SHOWN_CHARS]}".strip()] = None


run: ContextVar[Run] = ContextVar("json_schema_run")


@lru_cache(maxsize=1_000)
def _matcher(pattern: str) -> pydantic.TypeAdapter[str] | None:
    """Searches for the pattern in linear time (pydantic's engine is the one of Rust); None when it cannot be one."""
    try:
        return pydantic.TypeAdapter(Annotated[str, pydantic.StringConstraints(pattern=pattern)])
    except (PatternError, OverflowError, ValueError):
        return None


def _matches(keyword: str, pattern: str, text: str) -> bool | None:
    """Whether a text has the pattern in it; None when the engine does not have such patterns."""
    run.get().charge(1 + len(text) // CHARS_PER_STEP)
    matcher = _matcher(pattern)
    if matcher is None:
        run.get().pass_over(keyword, pattern)
        return None
    try:
        matcher.validate_python(text)
    except pydantic.ValidationError:
        return False
    return True


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Errors:
    if validator.is_type(instance, "string") and _matches("pattern", pattern, instance) is False:
        yield ValidationError(f"{_shown(instance)} does not match {pattern[:SHOWN_CHARS]!r}")


def _pattern_properties(validator: Any, patterns: Mapping[str, Any], instance: Any, schema: Any) -> Errors:
    if validator.is_type(instance, "object"):
        for pattern, below in patterns.items():
            for key, value in instance.items():
                if _matches("patternProperties", pattern, key):
                    yield from validator.descend(value, below, path=key, schema_path=pattern)


def _additional_properties(validator: Any, below: Any, instance: Any, schema: Any) -> Errors:
    if not validator.is_type(instance, "object"):
        return
    named, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for key, value in instance.items():
        # Where it is not known whether a pattern names the key, the key is taken for named.
        found = [_matches("patternProperties", pattern, key) for pattern in patterns] if key not in named else [True]
        if any(one is not False for one in found):
            continue
        if below is False:
            yield ValidationError(f"{key[:SHOWN_CHARS]!r} is not expected here")
        else:
            yield from validator.descend(value, below, path=key)


def _required(validator: Any, names: Any, instance: Any, schema: Any) -> Errors:
    """Tells each missing property at its own place rather than at the object that lacks it."""
    if validator.is_type(instance, "object") and isinstance(names, list):  # draft 3 says true at the property itself
        for name in names:
            if name not in instance:
                yield ValidationError(f"{name!r} is a required property", path=[name])


def _properties(validator: Any, named: Mapping[str, Any], instance: Any, schema: Any) -> Errors:
    if not validator.is_type(instance, "object"):
        return
    for name, below in named.items():
        if name in instance:
            yield from validator.descend(instance[name], below, path=name, schema_path=name)
        elif isinstance(below, dict) and below.get("required") is True:
            yield ValidationError(f"{name!r} is a required property", path=[name])


def _items(validator: Any, below: Any, instance: Any, schema: Any) -> Errors | None:
    """Up to draft 7 a list of schemas is what prefixItems is now."""
    if isinstance(below, list):
        return Draft202012Validator.VALIDATORS["prefixItems"](validator, below, instance, schema)  # type: ignore[no-any-return]
    return Draft202012Validator.VALIDATORS["items"](validator, below, instance, schema)  # type: ignore[no-any-return]


def _additional_items(validator: Any, below: Any, instance: Any, schema: Any) -> Errors:
    first = schema.get("items")
    if validator.is_type(instance, "array") and isinstance(first, list):
        for at, value in enumerate(instance[len(first) :], start=len(first)):
            yield from validator.descend(value, below, path=at)


def _exclusive(keyword: str, inclusive: str, words: str) -> Keyword:
    """A bound that is a number; up to draft 4 it was true, which changes the meaning of the other bound."""

    def check(validator: Any, bound: Any, instance: Any, schema: Any) -> Errors | None:
        if not isinstance(bound, bool):
            return Draft202012Validator.VALIDATORS[keyword](validator, bound, instance, schema)  # type: ignore[no-any-return]
        limit = schema.get(inclusive)
        if bound and validator.is_type(instance, "number") and validator.is_type(limit, "number") and instance == limit:
            return iter([ValidationError(f"{instance!r} is not {words} {limit!r}")])
        return None

    return check


def _unique(validator: Any, wanted: bool, instance: Any, schema: Any) -> Errors:
    if wanted and validator.is_type(instance, "array") and len({_frozen(one) for one in instance}) < len(instance):
        yield ValidationError("the entries of this list have to differ")


def _enum(validator: Any, options: list[Any], instance: Any, schema: Any) -> Errors:
    run.get().charge(len(options) // OPTIONS_PER_STEP)
    wanted = _frozen(instance)
    if all(_frozen(one) != wanted for one in options):
        offered = ", ".join(repr(one)[:SHOWN_CHARS] for one in options[:10])
        yield ValidationError(f"{_shown(instance)} is not one of {offered}{', …' if len(options) > 10 else ''}")


def _not(validator: Any, below: Any, instance: Any, schema: Any) -> Errors:
    if validator.evolve(schema=below).is_valid(instance):
        yield ValidationError(f"{_shown(instance)} is what it must not be")


def _format(validator: Any, name: Any, instance: Any, schema: Any) -> Errors:
    wrong = wrong_format(instance, name) if isinstance(instance, str) else ""
    if wrong:
        yield ValidationError(wrong)


def _reference(validator: Any, reference: str, instance: Any, schema: Any) -> Errors:
    try:
        found = validator._resolver.lookup(reference)
        known = isinstance(found.contents, dict | bool)
    except (Unresolvable, LookupError, TypeError, ValueError, AttributeError):
        known = False
    if known:
        yield from validator.descend(instance, found.contents, resolver=found.resolver)
    else:
        run.get().pass_over("$ref", reference)


def _unevaluated(keyword: str) -> Keyword:
    """The library's way to find what is evaluated uses its own regular expressions."""

    def check(validator: Any, below: Any, instance: Any, schema: Any) -> Errors | None:
        if run.get().patterned:
            run.get().pass_over(keyword, "")
            return None
        return Draft202012Validator.VALIDATORS[keyword](validator, below, instance, schema)  # type: ignore[no-any-return]

    return check


def _all_or_nothing(keyword: Keyword) -> Keyword:
    """A keyword that turns a yes below it into a no: when something below was passed over, so is the keyword."""

    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Errors:
        before = run.get().doubts
        found = list(keyword(validator, value, instance, schema) or ())
        if run.get().doubts == before:
            yield from found

    return check


def _counted(keyword: Keyword) -> Keyword:
    """The same keyword, which gives up when a run has gone on for too long."""

    def count(validator: Any, value: Any, instance: Any, schema: Any) -> Errors:
        run.get().charge(1)
        for error in keyword(validator, value, instance, schema) or ():
            run.get().charge(len(error.message) // CHARS_PER_STEP)
            yield error

    return count


def _frozen(value: Any) -> Any:
    """A value that is equal to another one exactly when both are the same JSON: 1 is 1.0, true is not 1."""
    if isinstance(value, dict):
        return ("object", frozenset((key, _frozen(part)) for key, part in value.items()))
    if isinstance(value, list):
        return ("array", tuple(_frozen(part) for part in value))
    return (value,) if isinstance(value, bool) else value


def _shown(value: Any) -> str:
    text = repr(value) if not isinstance(value, dict | list) else "this"
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"


OWN: dict[str, Keyword] = {
    "$ref": _reference,
    "$dynamicRef": _reference,
    "additionalItems": _additional_items,
    "additionalProperties": _additional_properties,
    "contains": _all_or_nothing(Draft202012Validator.VALIDATORS["contains"]),
    "dependencies": legacy.dependencies_draft4_draft6_draft7,
    "enum": _enum,
    "exclusiveMaximum": _exclusive("exclusiveMaximum", "maximum", "less than"),
    "exclusiveMinimum": _exclusive("exclusiveMinimum", "minimum", "more than"),
    "format": _format,
    "if": _all_or_nothing(Draft202012Validator.VALIDATORS["if"]),
    "items": _items,
    "not": _all_or_nothing(_not),
    "oneOf": _all_or_nothing(Draft202012Validator.VALIDATORS["oneOf"]),
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "properties": _properties,
    "required": _required,
    "unevaluatedItems": _unevaluated("unevaluatedItems"),
    "unevaluatedProperties": _unevaluated("unevaluatedProperties"),
    "uniqueItems": _unique,
}

BoundedValidator: Any = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {name: _counted(keyword) for name, keyword in {**Draft202012Validator.VALIDATORS, **OWN}.items()},
)


def _evolve(self: Any, **changes: Any) -> Any:
    """The library's own way takes another class, without bounds, where a part of a schema has a $schema of its own."""
    return attrs.evolve(self, **changes)


BoundedValidator.evolve = _evolve
