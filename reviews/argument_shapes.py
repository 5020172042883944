"""What a JSON Schema says about one place in some arguments, in the few words that a form needs. Pure.

Read are the keywords that say what to type (2020-12): type, enum, const, format, properties, required, items, title,
description, default and the limits; references, allOf, and an anyOf or oneOf that only adds null, lists constants or
offers alternatives with titles.
Whether a value fits is not asked here: that is `json_schema.violations`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from django.utils.translation import gettext_lazy as _

OPTIONS_MAX = 150
STEPS_MAX = 20
ALTERNATIVES_MAX = 12
WORK_MAX = 100_000
"""So many entries of properties, lists of names and branches are looked at in one schema; what is left says nothing."""

BLANK_DEPTH_MAX = 4
BLANK_PARTS_MAX = 100
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


class Document:
    """A whole schema: where references lead, what was found out about its parts, and how much work is left."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        self.left = WORK_MAX
        self.shapes: dict[int | str, Shape] = {}

    def shape(self, schema: Any) -> Shape:
        """The shape of a part of this document, found out once: a part that only refers to another is that other."""
        only = isinstance(schema, Mapping) and len(schema) == 1 and isinstance(schema.get("$ref"), str)
        key = schema["$ref"] if only else id(schema)
        if key not in self.shapes:
            self.shapes[key] = _shape(schema, self)
        return self.shapes[key]


@dataclass(frozen=True)
class Shape:
    """What is known of one place. `kind` is the one JSON type besides null that belongs there, "" when not told."""

    schema: Mapping[str, Any]
    document: Document = field(repr=False, compare=False)
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

    @cached_property
    def required(self) -> frozenset[str]:
        named = self.schema.get("required")
        return frozenset(name for name in named if isinstance(name, str)) if isinstance(named, list) else frozenset()

    @cached_property
    def names(self) -> list[str]:
        """The names of an object's properties, without looking at them."""
        named = self.schema.get("properties")
        return list(named) if isinstance(named, dict) else []

    @cached_property
    def known(self) -> frozenset[str]:
        return frozenset(self.names)

    def below(self, name: str) -> Shape:
        """The shape of one property; one that says nothing when the schema does not name it."""
        named = self.schema.get("properties")
        return self.document.shape(named.get(name) if isinstance(named, dict) else None)

    @property
    def items(self) -> Shape | None:
        """The shape of every entry of a list; None when the schema does not say."""
        entry = self.schema.get("items")
        return self.document.shape(entry) if isinstance(entry, dict) else None

    @cached_property
    def alternatives(self) -> tuple[Shape, ...]:
        """What may stand here instead of each other, when each of it has a title to choose it by; besides null."""
        if self.options:
            return ()
        branches = [_merged(part, self.document) for part in _branches(self.schema)]
        real = [branch for branch in branches if branch.get("type") != "null"]
        if not 1 < len(real) <= ALTERNATIVES_MAX or not all(_text(branch.get("title"), TITLE_CHARS) for branch in real):
            return ()
        rest = {name: part for name, part in self.schema.items() if name not in {"anyOf", "oneOf"}}
        shapes = (_shape({**rest, **branch}, self.document) for branch in real)
        return tuple(replace(one, nullable=one.nullable or self.nullable) for one in shapes)

    def suits(self, value: Any) -> bool:
        """Whether a value looks like it belongs here: its type, its constants, what an object must and may have."""
        if "const" in self.schema and not _same(self.schema["const"], value):
            return False
        if self.options:
            return any(_same(option.value, value) for option in self.options)
        if not isinstance(value, dict):
            return not self.kind or _kind_of(value) in {self.kind, "integer" if self.kind == "number" else self.kind}
        if self.kind not in {"", "object"} or not self.required <= value.keys():
            return False
        if self.schema.get("additionalProperties") is False and not value.keys() <= self.known:
            return False
        named = [(self.below(name), value[name]) for name in self.names if name in value]
        return all(part.suits(given) for part, given in named if part.options or "const" in part.schema)

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

    def blank(self) -> Any:
        """A value to start from: the default, else the first option, else an empty value with what it requires."""
        return self._blank(0, iter(range(BLANK_PARTS_MAX)))

    def filled(self) -> Any:
        """The same, but not null."""
        told = {name: part for name, part in self.schema.items() if name != "default" or part is not None}
        return replace(self, nullable=False, schema=told).blank()

    def _blank(self, depth: int, parts: Iterator[int]) -> Any:
        for keyword in ("default", "const"):
            if keyword in self.schema:
                return self.schema[keyword]
        if self.options:
            return self.options[0].value
        if self.alternatives and depth < BLANK_DEPTH_MAX:
            return self.alternatives[0]._blank(depth + 1, parts)
        if self.kind == "object" or (not self.kind and self.names):
            wanted = [name for name in self.names if name in self.required] if depth < BLANK_DEPTH_MAX else []
            # The name comes first: a part is only counted where there is one to be filled in.
            return {name: self.below(name)._blank(depth + 1, parts) for name, _part in zip(wanted, parts, strict=False)}
        empty: dict[str, Any] = {"array": [], "number": 0, "integer": 0, "boolean": False, "null": None}
        return None if self.nullable and self.kind not in {"string", "array"} else empty.get(self.kind, "")


def shape(schema: Any, root: Mapping[str, Any]) -> Shape:
    """What a part of a schema says, with references to `#/$defs/...` followed."""
    return Document(root).shape(schema)


def _shape(schema: Any, document: Document) -> Shape:
    found = _merged(schema, document)
    branches = [_merged(part, document) for part in _branches(found)]
    options = _options(found, branches)
    real = [branch for branch in branches if branch.get("type") != "null"]
    if not options and len(real) == 1:
        found = {**real[0], **found}
    types = found.get("type")
    named = [types] if isinstance(types, str) else types if isinstance(types, list) else []
    kinds = [kind for kind in named if kind != "null"]
    nulls = len(real) < len(branches)
    return Shape(
        schema=found,
        document=document,
        kind=kinds[0] if len(kinds) == 1 and isinstance(kinds[0], str) else "",
        nullable=nulls or "null" in named or any(option.value is None for option in options),
        options=options,
    )


def _branches(schema: Mapping[str, Any]) -> list[Any]:
    found = schema.get("anyOf") or schema.get("oneOf")
    return found[:OPTIONS_MAX] if isinstance(found, list) else []


def _options(schema: Mapping[str, Any], branches: list[dict[str, Any]]) -> tuple[Option, ...]:
    listed = schema.get("enum")
    if isinstance(listed, list):
        return tuple(_option(value, "") for value in listed[:OPTIONS_MAX] if _scalar(value))
    if _scalar(schema.get("const", ())):
        return (_option(schema["const"], ""),)
    if branches and all("const" in branch and _scalar(branch["const"]) for branch in branches):
        return tuple(_option(branch["const"], _text(branch.get("title"), TITLE_CHARS)) for branch in branches)
    return ()


def _option(value: Any, label: str) -> Option:
    text = value if isinstance(value, str) else json.dumps(value)
    return Option(value, text, label or text)


def _scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _kind_of(value: Any) -> str:
    """The JSON type of a value that is no object."""
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return names.get(type(value), "null")


def _merged(schema: Any, document: Document) -> dict[str, Any]:
    """A part of a schema with its reference and its allOf put in place; {} for what says nothing."""
    found = dict(schema) if isinstance(schema, Mapping) else {}
    document.left -= 1
    for _step in range(STEPS_MAX):
        reference, parts = found.pop("$ref", None), found.pop("allOf", None)
        if not isinstance(reference, str) and not isinstance(parts, list):
            break
        below = [_at(reference, document.root)] if isinstance(reference, str) else []
        found = _joined([*below, *(parts if isinstance(parts, list) else []), found], document)
    return found


def _joined(parts: Iterable[Any], document: Document) -> dict[str, Any]:
    """Several parts as one: properties and required names add up, of everything else the last word counts."""
    result: dict[str, Any] = {}
    for part in parts:
        if not isinstance(part, Mapping) or document.left <= 0:
            continue
        properties = {**_object(result.get("properties")), **_object(part.get("properties"))}
        required = [*_list(result.get("required")), *_list(part.get("required"))]
        document.left -= len(properties) + len(required) + len(part) + 1
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
