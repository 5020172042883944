"""The hash by which two sets of arguments are told apart, whoever wrote them down. Pure."""

from __future__ import annotations

import hashlib
from typing import Any

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
    pointers: list[str] = []
    spelled = _spelled(arguments, "", pointers)
    return rfc8785.dumps([spelled, sorted(pointers)] if pointers else spelled)


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
