"""The hash by which two sets of arguments are told apart, whoever wrote them down. Pure."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
import rfc8785

EXACT_MAX = 2**53 - 1
"""The largest whole number that RFC 8785 can write: its numbers are IEEE 754 doubles."""


def arguments_hash(arguments: dict[str, Any]) -> str:
    """SHA-256 of the canonical form of an action's arguments, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(arguments)).hexdigest()


def canonical(arguments: dict[str, Any]) -> bytes:
    """The arguments in the one form that RFC 8785 gives them.

    It has none for whole numbers beyond `EXACT_MAX`, and rounding would let one account number pass for another. So
    arguments with such numbers are written as a pair: the arguments with these numbers as decimal text, and the sorted
    JSON pointers (RFC 6901) to them. Arguments are an object and never a list, so no two sets have the same form.
    """
    spelled, pointers = spelled_out(arguments)
    return rfc8785.dumps([spelled, pointers] if pointers else spelled)


def canonical_line(line: dict[str, Any]) -> bytes:
    """An object in the form of RFC 8785 that is an object whatever numbers it has.

    Whole numbers beyond `EXACT_MAX` are decimal text, and a member `exact_numbers` has the sorted pointers to them.
    """
    spelled, pointers = spelled_out(line)
    return rfc8785.dumps(spelled | {"exact_numbers": pointers} if pointers else spelled)


def exact(line: bytes) -> dict[str, Any]:
    """The object that `canonical_line` wrote, with its numbers as numbers again."""
    found: dict[str, Any] = orjson.loads(line)
    for pointer in found.pop("exact_numbers", ()):
        names = [name.replace("~1", "/").replace("~0", "~") for name in pointer.split("/")[1:]]
        holder: Any = found
        for name in names[:-1]:
            holder = holder[int(name)] if isinstance(holder, list) else holder[name]
        last = int(names[-1]) if isinstance(holder, list) else names[-1]
        holder[last] = int(holder[last])
    return found


def spelled_out(value: Any) -> tuple[Any, list[str]]:
    """The value with whole numbers beyond `EXACT_MAX` as decimal text, and the sorted JSON pointers to these."""
    pointers: list[str] = []
    spelled = _spelled(value, "", pointers)
    return spelled, sorted(pointers)


def _spelled(value: Any, pointer: str, pointers: list[str]) -> Any:
    if isinstance(value, dict):
        return {
            name: _spelled(child, f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}", pointers)
            for name, child in value.items()
        }
    if isinstance(value, list):
        return [_spelled(child, f"{pointer}/{index}", pointers) for index, child in enumerate(value)]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > EXACT_MAX:
        pointers.append(pointer)
        return str(value)
    return value
