"""The arguments of an action as fields that people read and edit, and back again. Pure.

JSON knows more types than a form: what a person leaves untouched keeps its exact value (a number of forty digits, a
1.0, a carriage return), and what they type becomes the type that the field had.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from django.utils.translation import gettext as _

from reviews.diff import Path, dotted, pointer

Kind = Literal["text", "long", "number", "boolean", "choice", "null", "json", "group"]

PREFIX = "argument:"
FIELDS_MAX = 150
"""More than these are edited as JSON only."""

SHOWN_MAX = 300
"""So many fields are read on a page; the rest is in the JSON."""

SHOWN_LINES_MAX = 3_000
"""So many lines of lists are drawn on a page, whatever the number of fields that hold them."""

JSON_CHARS_MAX = 50_000
INDENTED_CHARS_MAX = 250_000
DEPTH_MAX = 4
LONG_CHARS = 80
REFERENCES_MAX = 20


@dataclass(frozen=True)
class Field:
    """One place in the arguments: a value to show or edit, or a group of further fields.

    `name` is the form's name of it, `label` its title from the schema or its key, `text` what an editor starts from.
    """

    path: Path
    label: str
    titled: bool
    help: str
    kind: Kind
    value: Any
    text: str = ""
    choices: tuple[str, ...] = ()
    children: tuple[Field, ...] = field(default=())

    @property
    def name(self) -> str:
        return PREFIX + pointer(self.path)

    @property
    def key(self) -> str:
        """The place as it is written in code: `customer.email`."""
        return dotted(self.path)

    def leaves(self) -> Iterator[Field]:
        """This field, or of a group all that can be edited in it."""
        if self.kind != "group":
            yield self
        for child in self.children:
            yield from child.leaves()


class Unreadable(ValueError):
    """What was typed cannot be read. `errors` says why, by form name."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = errors


def fields(arguments: Mapping[str, Any], schema: Mapping[str, Any] | None = None) -> list[Field]:
    """The fields of an arguments object, in its own order, with titles and descriptions of its schema if it has one."""
    root = schema if isinstance(schema, Mapping) else {}
    properties = _properties(root, root)
    return [_field((key,), value, _resolved(properties.get(key), root), root) for key, value in arguments.items()]


@dataclass(frozen=True)
class Shown:
    """The fields that a page shows, and how many fields it leaves out."""

    fields: list[Field]
    left_out: int


def shown(found: Iterable[Field]) -> Shown:
    """As much of some fields as a page can hold."""
    room = _Room()
    kept = room.filled(found)
    return Shown(kept, room.left_out)


class _Room:
    """What is left of a page."""

    def __init__(self) -> None:
        self.fields = SHOWN_MAX
        self.lines = SHOWN_LINES_MAX
        self.left_out = 0

    def filled(self, found: Iterable[Field]) -> list[Field]:
        kept = []
        for entry in found:
            if self.fields <= 0 or self.lines <= 0:
                self.left_out += sum(1 for _leaf in entry.leaves())
                continue
            self.fields -= 1
            if entry.kind == "json":
                self.lines -= entry.text.count("\n") + 1
            kept.append(replace(entry, children=tuple(self.filled(entry.children))) if entry.children else entry)
        return kept


def editable(found: list[Field]) -> bool:
    """Whether a form can hold them all."""
    return 0 < sum(1 for entry in found for _leaf in entry.leaves()) <= FIELDS_MAX


def merged(arguments: Mapping[str, Any], found: list[Field], posted: Mapping[str, str]) -> dict[str, Any]:
    """The arguments with what a form posted. Raises Unreadable. Fields that were not posted stay as they are."""
    changed: dict[Path, Any] = {}
    errors: dict[str, str] = {}
    for entry in found:
        for leaf in entry.leaves():
            text = posted.get(leaf.name)
            if text is None or _lines(text) == _lines(leaf.text):
                continue
            try:
                changed[leaf.path] = _typed(leaf, _lines(text))
            except ValueError as error:
                errors[leaf.name] = str(error)
    if errors:
        raise Unreadable(errors)
    result = _replaced(dict(arguments), changed, ())
    assert isinstance(result, dict)
    return result


def parsed(text: str) -> dict[str, Any]:
    """Arguments typed as JSON. Raises ValueError, in words, for anything but one object."""
    value = _json(text)
    if not isinstance(value, dict):
        raise ValueError(_("The arguments have to be one JSON object: {…}."))
    return value


def pretty(value: Any) -> str:
    """A JSON value for people to read and edit, keys in the order in which they were sent.

    What indenting would make many times longer comes in one line.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return text if len(text) <= INDENTED_CHARS_MAX else json.dumps(value, ensure_ascii=False)


def excerpt(text: str, *, limit: int = JSON_CHARS_MAX) -> tuple[str, int]:
    """As much of a JSON text as a page can hold, and how many characters are left out."""
    return text[:limit], max(0, len(text) - limit)


def in_words(name: str) -> str:
    """`process_refund` as `Process refund`; a name that is no such identifier stays what it is."""
    if not name.replace("_", "").replace("-", "").replace(".", "").isalnum():
        return name
    words = name.replace("_", " ").replace("-", " ").replace(".", " ").strip()
    return words[:1].upper() + words[1:] if words else name


def _field(path: Path, value: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> Field:
    title = schema.get("title")
    titled = isinstance(title, str) and bool(title.strip())
    label = str(title).strip()[:120] if titled else in_words(str(path[-1]))
    about = schema.get("description")
    help_text = about.strip()[:300] if isinstance(about, str) else ""
    if isinstance(value, dict) and value and len(path) < DEPTH_MAX:
        properties = _properties(schema, root)
        children = tuple(
            _field((*path, key), part, _resolved(properties.get(key), root), root) for key, part in value.items()
        )
        return Field(path, label, titled, help_text, "group", value, children=children)
    kind, text, choices = _control(value, schema)
    return Field(path, label, titled, help_text, kind, value, text, choices)


def _control(value: Any, schema: Mapping[str, Any]) -> tuple[Kind, str, tuple[str, ...]]:
    if isinstance(value, bool):
        return "boolean", "true" if value else "false", ("true", "false")
    if value is None:
        return "null", "", ()
    if isinstance(value, int | float):
        return "number", json.dumps(value), ()
    if not isinstance(value, str):
        return "json", pretty(value), ()
    options = schema.get("enum")
    if isinstance(options, list) and value in options and all(isinstance(option, str) for option in options):
        return "choice", value, tuple(options[:FIELDS_MAX])
    return ("long" if len(value) > LONG_CHARS or "\n" in value or "\r" in value else "text"), value, ()


def _typed(leaf: Field, text: str) -> Any:
    """What was typed into a field, as the JSON type that belongs there."""
    if leaf.kind in {"text", "long", "choice"}:
        return text
    if leaf.kind == "boolean":
        if text not in {"true", "false"}:
            raise ValueError(_("This is either true or false."))
        return text == "true"
    if leaf.kind == "number":
        return _number(text)
    if leaf.kind == "null":
        try:
            return _json(text)
        except ValueError:
            return text
    return _json(text)


def _number(text: str) -> int | float:
    try:
        value = _json(text)
    except ValueError:
        value = None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(_("This has to be a number, such as 1250 or 12.5."))
    return value


def _json(text: str) -> Any:
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_object)
    except RecursionError:
        raise ValueError(_("This is nested too deeply.")) from None
    except json.JSONDecodeError as error:
        message = _("This is not valid JSON: %(what)s, line %(line)d, column %(column)d.")
        raise ValueError(message % {"what": error.msg, "line": error.lineno, "column": error.colno}) from None
    if "\x00" in text or "\\u0000" in text:
        raise ValueError(_("Text must not contain NUL characters."))
    return value


def _refuse(constant: str) -> Any:
    raise ValueError(_("%(constant)s is not a JSON value.") % {"constant": constant})


def _finite(digits: str) -> float:
    """Python reads 1e400 as infinity, which is no JSON and which PostgreSQL does not store."""
    value = float(digits)
    if math.isinf(value):
        raise ValueError(_("The number %(number)s is too large.") % {"number": digits[:40]})
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuses a key given twice, of which the last would win silently."""
    value = dict(pairs)
    if len(value) < len(pairs):
        twice = next(key for key, _value in pairs if [name for name, _part in pairs].count(key) > 1)
        raise ValueError(_("The key “%(key)s” is given twice.") % {"key": twice[:60]})
    return value


def _replaced(value: Any, changed: Mapping[Path, Any], path: Path) -> Any:
    if path in changed:
        return changed[path]
    if isinstance(value, dict) and len(path) < DEPTH_MAX:
        return {key: _replaced(part, changed, (*path, key)) for key, part in value.items()}
    return value


def _properties(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    properties = _resolved(schema, root).get("properties")
    return properties if isinstance(properties, dict) else {}


def _resolved(schema: Any, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of a schema with references to `#/$defs/...` followed; {} for what says nothing about a field."""
    for _step in range(REFERENCES_MAX):
        reference = schema.get("$ref") if isinstance(schema, dict) else None
        if not isinstance(reference, str):
            break
        target: Any = root
        for part in reference.removeprefix("#/").split("/"):
            target = target.get(part) if isinstance(target, dict) else None
        schema = {**(target if isinstance(target, dict) else {}), **{k: v for k, v in schema.items() if k != "$ref"}}
    return schema if isinstance(schema, dict) else {}


def _lines(text: str) -> str:
    """Browsers send every end of line as CR LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
