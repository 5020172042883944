"""What a JSON Schema says about one place in some arguments, in the few words that a form needs. Pure.

Read are the keywords that say what to type (2020-12): type, enum, const, format, properties, required, items, title,
description, default and the limits; references, allOf, and an anyOf or oneOf that only adds null or lists constants.
Whether a value fits is not asked here: that is `json_schema.violations`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

OPTIONS_MAX = 150
STEPS_MAX = 20
BLANK_DEPTH_MAX = 4
TITLE_CHARS = 120
HELP_CHARS = 300
LIMITS = (
    ("minimum", _("at least %s")),
    ("exclusiveMinimum", _("more than %s")),
    ("maximum", _("at most %s")),
    ("exclusiveMaximum", _("less than %s")),
    ("multipleOf", _("in steps of %s")),
)


@dataclass(frozen=True)
class Option:
    """One of the values that a schema offers: `text` is how a form sends it."""

    value: Any
    text: str
    label: str


@dataclass(frozen=True)
class Shape:
    """What is known of one place. `kind` is the one JSON type besides null that belongs there, "" when not told."""

    schema: Mapping[str, Any]
    root: Mapping[str, Any]
    kind: str = ""
    nullable: bool = False
    options: tuple[Option, ...] = ()

    @property
    def title(self) -> str:
        return _text(self.schema.get("title"), TITLE_CHARS)

    @property
    def help(self) -> str:
        return _text(self.schema.get("description"), HELP_CHARS)

    @property
    def format(self) -> str:
        return _text(self.schema.get("format"), TITLE_CHARS)

    @property
    def required(self) -> frozenset[str]:
        named = self.schema.get("required")
        return frozenset(name for name in named if isinstance(name, str)) if isinstance(named, list) else frozenset()

    @property
    def properties(self) -> dict[str, Shape]:
        """The shapes of an object's properties, in the order of the schema."""
        named = self.schema.get("properties")
        return {key: shape(part, self.root) for key, part in named.items()} if isinstance(named, dict) else {}

    @property
    def names(self) -> list[str]:
        """The names of an object's properties, without looking at them."""
        named = self.schema.get("properties")
        return list(named) if isinstance(named, dict) else []

    def below(self, name: str) -> Shape:
        """The shape of one property; one that says nothing when the schema does not name it."""
        named = self.schema.get("properties")
        return shape(named.get(name) if isinstance(named, dict) else None, self.root)

    @property
    def items(self) -> Shape | None:
        """The shape of every entry of a list; None when the schema does not say."""
        entry = self.schema.get("items")
        return shape(entry, self.root) if isinstance(entry, dict) else None

    @property
    def is_long(self) -> bool:
        """Whether a text is expected to run over several lines."""
        limit = self.schema.get("maxLength")
        return self.format in {"markdown", "textarea", "multiline"} or (isinstance(limit, int) and limit > OPTIONS_MAX)

    @property
    def limits(self) -> str:
        """The bounds of a number in words: `at least 1, at most 100`."""
        found = [(words, self.schema.get(keyword)) for keyword, words in LIMITS]
        return ", ".join(
            words % json.dumps(bound)
            for words, bound in found
            if isinstance(bound, int | float) and not isinstance(bound, bool)
        )

    def blank(self, depth: int = 0) -> Any:
        """A value to start from: the default, else the first option, else an empty value with what it requires."""
        for keyword in ("default", "const"):
            if keyword in self.schema:
                return self.schema[keyword]
        if self.options:
            return self.options[0].value
        if self.kind == "object" or (not self.kind and self.names):
            wanted = [name for name in self.names if name in self.required] if depth < BLANK_DEPTH_MAX else []
            return {name: self.below(name).blank(depth + 1) for name in wanted}
        empty: dict[str, Any] = {"array": [], "number": 0, "integer": 0, "boolean": False, "null": None}
        return None if self.nullable and self.kind not in {"string", "array"} else empty.get(self.kind, "")


def shape(schema: Any, root: Mapping[str, Any]) -> Shape:
    """What a part of a schema says, with references to `#/$defs/...` followed."""
    found = _merged(schema, root)
    branches = [_merged(part, root) for part in _branches(found)]
    options = _options(found, branches)
    nullable = False
    real = [branch for branch in branches if branch.get("type") != "null"]
    if not options and len(real) == 1:
        nullable = len(branches) > 1
        found = {**real[0], **found}
    types = found.get("type")
    named = [types] if isinstance(types, str) else types if isinstance(types, list) else []
    kinds = [kind for kind in named if kind != "null"]
    return Shape(
        schema=found,
        root=root,
        kind=kinds[0] if len(kinds) == 1 and isinstance(kinds[0], str) else "",
        nullable=nullable or "null" in named or any(option.value is None for option in options),
        options=options,
    )


def _branches(schema: Mapping[str, Any]) -> list[Any]:
    found = schema.get("anyOf") or schema.get("oneOf")
    return found[:OPTIONS_MAX] if isinstance(found, list) else []


def _options(schema: Mapping[str, Any], branches: list[dict[str, Any]]) -> tuple[Option, ...]:
    listed = schema.get("enum")
    if isinstance(listed, list):
        return tuple(_option(value, "") for value in listed[:OPTIONS_MAX] if _scalar(value))
    if branches and all("const" in branch and _scalar(branch["const"]) for branch in branches):
        return tuple(_option(branch["const"], _text(branch.get("title"), TITLE_CHARS)) for branch in branches)
    return ()


def _option(value: Any, label: str) -> Option:
    text = value if isinstance(value, str) else json.dumps(value)
    return Option(value, text, label or text)


def _scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _merged(schema: Any, root: Mapping[str, Any]) -> dict[str, Any]:
    """A part of a schema with its reference and its allOf put in place; {} for what says nothing."""
    found = dict(schema) if isinstance(schema, Mapping) else {}
    for _step in range(STEPS_MAX):
        reference, parts = found.pop("$ref", None), found.pop("allOf", None)
        if not isinstance(reference, str) and not isinstance(parts, list):
            break
        below = [_at(reference, root)] if isinstance(reference, str) else []
        found = _joined([*below, *(parts if isinstance(parts, list) else []), found])
    return found


def _joined(parts: Iterable[Any]) -> dict[str, Any]:
    """Several parts as one: properties and required names add up, of everything else the last word counts."""
    result: dict[str, Any] = {}
    for part in parts:
        if not isinstance(part, Mapping):
            continue
        properties = {**_object(result.get("properties")), **_object(part.get("properties"))}
        required = [*_list(result.get("required")), *_list(part.get("required"))]
        result |= part
        result |= {"properties": properties} if properties else {}
        result |= {"required": required} if required else {}
    return result


def _at(reference: str, root: Mapping[str, Any]) -> Any:
    target: Any = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        target = target.get(name) if name and isinstance(target, Mapping) else target if not name else None
    return target


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any, limit: int) -> str:
    return value.strip()[:limit] if isinstance(value, str) else ""
