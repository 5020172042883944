"""JSON Schemas that agents send along with arguments: checked when they arrive, applied when a person edits.

A schema is foreign input that runs on our machine, so it is bounded: see `json_keywords`. What is legal is taken, also
when a part of it cannot be applied here: an agent must be able to ask. Such a part is named when somebody edits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from referencing import Registry

from reviews.json_keywords import BoundedValidator, Run, TooComplex, run

SCHEMA_BYTES_MAX = 65_536
DEPTH_MAX = 200
META_STEPS_MAX = 400_000
ERRORS_MAX = 20

# What older drafts allow where 2020-12 does not: a keyword and the types of its value.
OLDER: dict[str, tuple[type, ...]] = {
    "$id": (str,),
    "$schema": (str,),
    "exclusiveMaximum": (bool,),
    "exclusiveMinimum": (bool,),
    "items": (list,),
    "required": (bool,),
}

__all__ = ["Findings", "TooComplex", "findings", "schema_problem"]


@dataclass(frozen=True)
class Findings:
    """Where a value breaks a schema: pairs of a path such as `lines[0].amount` and what is wrong there.

    `passed_over` are the parts of the schema that could not be applied, as `pattern ^(?=x)`.
    """

    violations: list[tuple[str, str]]
    passed_over: list[str]


def schema_problem(schema: object) -> str | None:
    """Why this cannot be used as a schema, in words; None when it can."""
    if not isinstance(schema, dict):
        return "must be a JSON Schema object"
    try:
        if len(json.dumps(schema)) > SCHEMA_BYTES_MAX:
            return f"must be at most {SCHEMA_BYTES_MAX} bytes"
    except RecursionError:
        return "is nested too deeply"
    if _deeper_than(schema, DEPTH_MAX):
        return "is nested too deeply"
    token = run.set(Run(steps_max=META_STEPS_MAX))
    try:
        meta = BoundedValidator(Draft202012Validator.META_SCHEMA, registry=Registry())
        error = next((one for one in meta.iter_errors(schema) if not _is_older(one)), None)
    except (TooComplex, RecursionError):
        return None  # what nobody can read in time is passed over when it is applied
    finally:
        run.reset(token)
    if error is None:
        return None
    where = "/".join(str(part) for part in error.absolute_path)
    return f"is not a valid JSON Schema: {error.message[:200]}" + (f" (at {where})" if where else "")


def findings(schema: Mapping[str, Any], value: object) -> Findings:
    """Applies a schema. Raises TooComplex when that cannot be done within the bounds."""
    ran = Run(patterned='"patternProperties"' in json.dumps(schema))
    token = run.set(ran)
    try:
        errors: list[tuple[str, str]] = []
        for error in BoundedValidator(schema, registry=Registry()).iter_errors(value):
            errors.append((_path(error), error.message[:300]))
            if len(errors) >= ERRORS_MAX:
                break
        return Findings(errors, list(ran.passed_over))
    except TooComplex:
        raise
    except Exception as error:  # a reference may lead to what is no schema at all
        raise TooComplex("the schema could not be applied to these arguments") from error
    finally:
        run.reset(token)


def _is_older(error: ValidationError) -> bool:
    """Whether the metaschema complains of what an older draft allows."""
    keyword = next(reversed(error.absolute_path), None)
    return isinstance(keyword, str) and isinstance(error.instance, OLDER.get(keyword, ()))


def _deeper_than(value: object, depth: int) -> bool:
    level: list[object] = [value]
    for _level in range(depth):
        level = [
            part
            for node in level
            if isinstance(node, dict | list)
            for part in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return False
    return True


def _path(error: ValidationError) -> str:
    path = ""
    for part in error.absolute_path:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path
