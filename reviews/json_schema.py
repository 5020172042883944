"""JSON Schemas that agents send along with arguments: checked when they arrive, applied when a person edits.

A schema is foreign input that runs on our machine, so it is bounded: no reference leaves the document, regular
expressions run on an engine without backtracking, and a validation that takes too many steps is given up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import Annotated, Any

import pydantic
from jsonschema import Draft202012Validator, SchemaError, ValidationError, validators
from pydantic_core import SchemaError as PatternError
from referencing import Registry
from referencing._core import Resolver
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

SCHEMA_BYTES_MAX = 65_536
STEPS_MAX = 50_000
ERRORS_MAX = 20

Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]

_steps: ContextVar[int] = ContextVar("json_schema_steps", default=0)


class TooComplex(Exception):
    """The schema could not be applied within the bounds."""


def schema_problem(schema: object) -> str | None:
    """Why this cannot be used as a schema, in words; None when it can."""
    if not isinstance(schema, dict):
        return "must be a JSON Schema object"
    try:
        if len(json.dumps(schema)) > SCHEMA_BYTES_MAX:
            return f"must be at most {SCHEMA_BYTES_MAX} bytes"
        Draft202012Validator.check_schema(schema)
        return _foreign_part(schema)
    except SchemaError as error:
        where = "/".join(str(part) for part in error.absolute_path)
        return f"is not a valid JSON Schema: {error.message[:200]}" + (f" (at {where})" if where else "")
    except RecursionError:
        return "is nested too deeply"


def violations(schema: Mapping[str, Any], value: object) -> list[tuple[str, str]]:
    """Where a value breaks the schema: pairs of a path such as `lines[0].amount` and what is wrong there.

    Raises TooComplex when that cannot be found out within the bounds.
    """
    token = _steps.set(0)
    try:
        errors = []
        for error in BoundedValidator(schema, registry=Registry()).iter_errors(value):
            errors.append((_path(error), error.message[:300]))
            if len(errors) >= ERRORS_MAX:
                break
        return errors
    except (RecursionError, ArithmeticError) as error:
        raise TooComplex("the schema could not be applied to these arguments") from error
    except Unresolvable as error:
        raise TooComplex("the schema refers to a part that it does not have") from error
    finally:
        _steps.reset(token)


def _foreign_part(schema: dict[str, Any]) -> str | None:
    """Looks for references that lead out of the document or nowhere, and for expressions beyond the bounded engine."""
    resolver = Registry().with_resource("", DRAFT202012.create_resource(schema)).resolver()
    stack: list[object] = [schema]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict):
            for reference in (node.get("$ref"), node.get("$dynamicRef")):
                if isinstance(reference, str) and not _resolves(resolver, reference):
                    return f"refers to something outside itself, or that it does not have: {reference[:80]}"
            pattern = node.get("pattern")
            if isinstance(pattern, str) and _matcher(pattern) is None:
                return f"uses a regular expression that is not supported here: {pattern[:80]}"
            if node.get("patternProperties"):
                return "must not use patternProperties, which cannot be applied within bounds"
            stack.extend(node.values())
    return None


def _resolves(resolver: Resolver[Any], reference: str) -> bool:
    try:
        resolver.lookup(reference)
    except Unresolvable:
        return False
    return reference.startswith("#")


@lru_cache(maxsize=1_000)
def _matcher(pattern: str) -> pydantic.TypeAdapter[str] | None:
    """Searches for the pattern in linear time (pydantic's engine is the one of Rust); None when it cannot be one."""
    try:
        return pydantic.TypeAdapter(Annotated[str, pydantic.StringConstraints(pattern=pattern)])
    except PatternError:
        return None


def _matches(pattern: str, text: str) -> bool:
    matcher = _matcher(pattern)
    if matcher is None:
        raise TooComplex(f"the regular expression {pattern[:80]} is not supported")
    try:
        matcher.validate_python(text)
    except pydantic.ValidationError:
        return False
    return True


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and not _matches(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _required(validator: Any, names: list[str], instance: Any, schema: Any) -> Iterator[ValidationError]:
    """Tells each missing property at its own place rather than at the object that lacks it."""
    if validator.is_type(instance, "object"):
        for name in names:
            if name not in instance:
                yield ValidationError(f"{name!r} is a required property", path=[name])


def _counted(keyword: Keyword) -> Keyword:
    """The same keyword, which gives up when a validation has gone on for too long."""

    def count(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError] | None:
        steps = _steps.get() + 1
        if steps > STEPS_MAX:
            raise TooComplex("the schema takes too long to apply")
        _steps.set(steps)
        return keyword(validator, value, instance, schema)

    return count


def _path(error: ValidationError) -> str:
    path = ""
    for part in error.absolute_path:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path


BoundedValidator = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        name: _counted(keyword)
        for name, keyword in {
            **Draft202012Validator.VALIDATORS,
            "pattern": _pattern,
            "required": _required,
        }.items()
    },
)
