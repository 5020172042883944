"""The arguments of an action as fields that people read and edit: what is there, and what a schema has to say. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, time
from typing import Any, Literal

from reviews.argument_shapes import Option, Shape, shape
from reviews.arguments import in_words, pretty
from reviews.diff import Path, dotted, pointer

Kind = Literal["text", "long", "number", "boolean", "choice", "null", "json", "group", "list"]

PREFIX = "argument:"
FIELDS_MAX = 150
"""More than these are edited as JSON only."""

SHOWN_MAX = 300
"""So many fields are read on a page; the rest is in the JSON."""

SHOWN_LINES_MAX = 3_000
"""So many lines of lists are drawn on a page, whatever the number of fields that hold them."""

DEPTH_MAX = 4
LIST_MAX = 40
LONG_CHARS = 80
BOOLEANS = (Option(True, "true", "true"), Option(False, "false", "false"))
SCALARS: dict[str, Kind] = {"string": "text", "number": "number", "integer": "number", "boolean": "boolean"}


@dataclass(frozen=True)
class Field:
    """One place in the arguments: a value to show or edit, or a group or list of further fields.

    `name` is the form's name of it, `label` its title from the schema or its key, `text` what an editor starts from.
    """

    path: Path
    label: str
    shape: Shape
    kind: Kind
    value: Any
    text: str = ""
    choices: tuple[Option, ...] = ()
    children: tuple[Field, ...] = ()
    absent: bool = False
    """Not among the arguments: only the schema names it."""
    required: bool = False
    removable: bool = False
    alternatives: tuple[Shape, ...] = ()
    """What the schema offers to put here instead of each other; `chosen` is which of it this is, None for neither."""
    chosen: int | None = None

    @property
    def name(self) -> str:
        return PREFIX + self.pointer

    @property
    def pointer(self) -> str:
        return pointer(self.path)

    @property
    def key(self) -> str:
        """The place as it is written in code: `customer.email`."""
        return dotted(self.path)

    @property
    def titled(self) -> bool:
        """Whether the label is a title, so that the key is worth telling too."""
        return bool(self.shape.title) and self.label.startswith(self.shape.title)

    @property
    def help(self) -> str:
        return self.shape.help

    @property
    def extensible(self) -> bool:
        """Whether something can be put here that no control can hold: another entry, or a part that is not there."""
        return self.kind == "list" or (self.absent and self.kind in {"group", "json"})

    @property
    def can_be_null(self) -> bool:
        """Whether null may stand here instead of what is there; a choice offers it by itself."""
        return self.shape.nullable and self.value is not None and not self.absent and self.kind != "choice"

    @property
    def can_be_filled(self) -> bool:
        """Whether there is null where the schema says what else may stand."""
        known = bool(self.shape.kind or self.shape.names)
        return self.kind == "null" and not self.absent and not self.alternatives and known

    @property
    def input_type(self) -> str:
        """The type of the input. Browsers change what they think is malformed: such a value is edited as text."""
        wanted = {"date": "date", "time": "time", "email": "email", "uri": "url"}.get(self.shape.format, "text")
        return wanted if self.kind == "text" and _survives(wanted, self.text) else "text"

    def leaves(self) -> Iterator[Field]:
        """This field, or of a group all that can be edited in it."""
        if self.kind not in {"group", "list"}:
            yield self
        for child in self.children:
            yield from child.leaves()

    def walk(self) -> Iterator[Field]:
        """This field and everything below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def fields(
    arguments: Mapping[str, Any], schema: Mapping[str, Any] | None = None, *, editing: bool = False
) -> list[Field]:
    """The fields of an arguments object, in its own order, with titles and descriptions of its schema if it has one.

    With `editing` also what the schema names and the arguments lack, and lists entry by entry where it describes them.
    """
    root = schema if isinstance(schema, Mapping) else {}
    return list(_Reader(editing).of_object((), arguments, shape(root, root)))


def editable(found: list[Field]) -> bool:
    """Whether a form can hold them all."""
    return 0 < sum(1 for entry in found for _field in entry.walk()) <= FIELDS_MAX


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


@dataclass
class _Reader:
    """Makes fields of values."""

    editing: bool
    absent: int = 0
    """How many fields were made for what is not there."""

    def of_object(self, path: Path, value: Mapping[str, Any], shaped: Shape) -> Iterator[Field]:
        """What is there in its own order, then, for an editor, what the schema names besides."""
        required, names = shaped.required, shaped.known
        for key, part in value.items():
            optional = self.editing and key in names and key not in required
            found = self.of_value((*path, key), part, shaped.below(key))
            yield replace(found, required=key in required, removable=optional)
        if self.editing and len(path) < DEPTH_MAX:
            for key in shaped.names[:FIELDS_MAX]:
                if key not in value and self.absent <= FIELDS_MAX:  # with more no form is made of them anyway
                    self.absent += 1
                    yield replace(_absent((*path, key), shaped.below(key)), required=key in required)

    def of_value(self, path: Path, value: Any, shaped: Shape) -> Field:
        label = shaped.title or in_words(str(path[-1]))
        if not self.editing or len(path) >= DEPTH_MAX or not shaped.alternatives:
            return self._of_kind(path, value, shaped, label)
        chosen = next((at for at, one in enumerate(shaped.alternatives) if one.suits(value)), None)
        inner = shaped if chosen is None else shaped.alternatives[chosen]
        found = self._of_kind(path, value, inner, label)
        return replace(found, alternatives=shaped.alternatives, chosen=chosen)

    def _of_kind(self, path: Path, value: Any, shaped: Shape, label: str) -> Field:
        deep = len(path) >= DEPTH_MAX
        if isinstance(value, dict) and not deep and (value or (self.editing and shaped.names)):
            children = tuple(self.of_object(path, value, shaped))
            return Field(path, label, shaped, "group", value, children=children)
        entry = shaped.items if self.editing and isinstance(value, list) and not deep else None
        if entry is not None and len(value) <= LIST_MAX:
            rows = [self.of_value((*path, at), part, entry) for at, part in enumerate(value)]
            numbered = tuple(
                replace(row, label=f"{label} {at}", removable=True) for at, row in enumerate(rows, start=1)
            )
            return Field(path, label, shaped, "list", value, children=numbered)
        kind, text, choices = _control(value, shaped)
        return Field(path, label, shaped, kind, value, text, choices)


def _absent(path: Path, shaped: Shape) -> Field:
    """A field for what only the schema names; left empty it stays away."""
    label = shaped.title or in_words(str(path[-1]))
    if shaped.options:
        kind: Kind = "choice"
    elif shaped.kind in SCALARS:
        kind = "long" if shaped.kind == "string" and shaped.is_long else SCALARS[shaped.kind]
    else:
        kind = "group" if shaped.kind == "object" or shaped.names else "json"
    choices = BOOLEANS if kind == "boolean" else shaped.options
    return Field(path, label, shaped, kind, None, choices=choices, absent=True)


def _control(value: Any, shaped: Shape) -> tuple[Kind, str, tuple[Option, ...]]:
    if shaped.options and (value is None or isinstance(value, str | int | float)):
        return _choice(value, shaped.options)
    if isinstance(value, bool):
        return "boolean", "true" if value else "false", BOOLEANS
    if value is None:
        return "null", "", ()
    if isinstance(value, int | float):
        return "number", json.dumps(value), ()
    if not isinstance(value, str):
        return "json", pretty(value), ()
    if shaped.kind in {"number", "integer"}:
        return "number", value, ()
    long = len(value) > LONG_CHARS or "\n" in value or "\r" in value or shaped.is_long
    return ("long" if long else "text"), value, ()


def _choice(value: Any, options: tuple[Option, ...]) -> tuple[Kind, str, tuple[Option, ...]]:
    """What is there stays among the options, also when the schema does not offer it."""
    chosen = next((one for one in options if type(one.value) is type(value) and one.value == value), None)
    if chosen is None:
        text = value if isinstance(value, str) else json.dumps(value)
        chosen = Option(value, text, text)
        options = (chosen, *(one for one in options if one.text != text))
    return "choice", chosen.text, options


def _survives(input_type: str, text: str) -> bool:
    """Whether a browser's input of that type shows a text as it is and sends it back so."""
    if not text or input_type == "text":
        return True
    if input_type in {"email", "url"}:
        return text == text.strip() and "\n" not in text
    try:
        read = date.fromisoformat(text) if input_type == "date" else time.fromisoformat(text)
    except ValueError:
        return False
    return str(read) == text if input_type == "date" else len(text) in {5, 8} and read.isoformat()[: len(text)] == text
