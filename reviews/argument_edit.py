"""What people typed into the fields of some arguments, as arguments again. Pure.

What a person leaves untouched keeps its exact value (a number of forty digits, a 1.0, a carriage return), and what they
type becomes the type that the schema names, else the type that the value had.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from reviews.argument_fields import Field
from reviews.arguments import json_value
from reviews.diff import Path


class Unreadable(ValueError):
    """What was typed cannot be read. `errors` says why, by form name."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = errors


def merged(arguments: Mapping[str, Any], found: list[Field], posted: Mapping[str, str]) -> dict[str, Any]:
    """The arguments with what a form posted. Raises Unreadable. Fields that were not posted stay as they are."""
    result: Any = dict(arguments)
    errors: dict[str, str] = {}
    for leaf in (leaf for entry in found for leaf in entry.leaves()):
        text = posted.get(leaf.name)
        if text is None or _lines(text) == _lines(leaf.text):
            continue
        try:
            result = _set(result, leaf.path, _typed(leaf, _lines(text)))
        except ValueError as error:
            errors[leaf.name] = str(error)
    if errors:
        raise Unreadable(errors)
    assert isinstance(result, dict)
    return result


def added(arguments: Mapping[str, Any], found: list[Field], place: str) -> dict[str, Any]:
    """The arguments with an empty part at a JSON Pointer: a new last entry of a list, or what was not there.

    Unchanged when nothing can be added at that place.
    """
    entry = _at(found, place)
    if entry is None or not entry.extensible:
        return dict(arguments)
    if entry.absent:
        return dict(_set(dict(arguments), entry.path, entry.shape.blank()))
    items = entry.shape.items
    value = [*entry.value, items.blank() if items else None]
    return dict(_set(dict(arguments), entry.path, value))


def removed(arguments: Mapping[str, Any], found: list[Field], place: str) -> dict[str, Any]:
    """The arguments without what is at a JSON Pointer; unchanged when it has to stay."""
    entry = _at(found, place)
    if entry is None or not entry.removable:
        return dict(arguments)
    return dict(_without(dict(arguments), entry.path))


def nulled(arguments: Mapping[str, Any], found: list[Field], place: str) -> dict[str, Any]:
    """The arguments with null at a JSON Pointer; unchanged where the schema does not allow it."""
    entry = _at(found, place)
    if entry is None or not entry.can_be_null:
        return dict(arguments)
    return dict(_set(dict(arguments), entry.path, None))


def filled(arguments: Mapping[str, Any], found: list[Field], place: str) -> dict[str, Any]:
    """The arguments with a first value where there was null; unchanged where there was none."""
    entry = _at(found, place)
    if entry is None or not entry.can_be_filled:
        return dict(arguments)
    return dict(_set(dict(arguments), entry.path, entry.shape.filled()))


def switched(arguments: Mapping[str, Any], found: list[Field], place: str) -> dict[str, Any]:
    """The arguments with another of the alternatives at a place (`1 /payment`), and in it what both have in common.

    Unchanged where the schema does not offer it.
    """
    number, _space, at = place.partition(" ")
    entry = _at(found, at)
    if entry is None or not number.isdecimal() or int(number) >= len(entry.alternatives):
        return dict(arguments)
    wanted = entry.alternatives[int(number)]
    value = wanted.filled()
    if isinstance(value, dict) and isinstance(entry.value, dict):
        kept = {name: entry.value[name] for name in wanted.names if name in entry.value}
        value |= {name: part for name, part in kept.items() if wanted.below(name).suits(part)}
    return dict(_set(dict(arguments), entry.path, value))


def _at(found: list[Field], place: str) -> Field | None:
    return next((part for entry in found for part in entry.walk() if part.pointer == place), None)


def _typed(leaf: Field, text: str) -> Any:
    """What was typed into a field, as the JSON type that belongs there."""
    if leaf.kind == "choice":
        return _chosen(leaf, text)
    if leaf.kind in {"text", "long"}:
        return text
    if leaf.kind == "boolean":
        if text not in {"true", "false"}:
            raise ValueError(_("This is either true or false."))
        return text == "true"
    if leaf.kind == "number":
        return None if not text.strip() and leaf.shape.nullable else _number(text)
    if leaf.kind == "null":
        return _instead_of_null(leaf, text)
    return json_value(text)


def _chosen(leaf: Field, text: str) -> Any:
    for option in leaf.choices:
        if option.text == text:
            return option.value
    raise ValueError(_("Choose one of the values that are offered."))


def _instead_of_null(leaf: Field, text: str) -> Any:
    if leaf.shape.kind == "string":
        return text
    if leaf.shape.kind in {"number", "integer"}:
        return _number(text)
    try:
        return json_value(text)
    except ValueError:
        return text


def _number(text: str) -> int | float:
    try:
        value = json_value(text)
    except ValueError:
        value = None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(_("This has to be a number, such as 1250 or 12.5."))
    return value


def _set(value: Any, path: Path, new: Any) -> Any:
    """A copy of a value with another one at a place; its lists keep their length."""
    if not path:
        return new
    head, rest = path[0], path[1:]
    if isinstance(value, list) and isinstance(head, int):
        return [*value[:head], _set(value[head], rest, new), *value[head + 1 :]]
    assert isinstance(value, dict)
    return {**value, str(head): _set(value.get(str(head)), rest, new)}


def _without(value: Any, path: Path) -> Any:
    head, rest = path[0], path[1:]
    if isinstance(value, list) and isinstance(head, int):
        return [*value[:head], *([_without(value[head], rest)] if rest else []), *value[head + 1 :]]
    assert isinstance(value, dict)
    if rest:
        return {**value, str(head): _without(value[str(head)], rest)}
    return {key: part for key, part in value.items() if key != head}


def _lines(text: str) -> str:
    """Browsers send every end of line as CR LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
