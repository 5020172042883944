"""Cursors of lists: opaque, and bound to the sort or the list that made them."""

from typing import Any

from console.lib.http import Problem, decode_cursor, encode_cursor
from metrics.selectors.bounded import Place
from metrics.selectors.trace_scan import Position
from metrics.trace_filter import TEXT_SORTS

INT64 = range(-(2**63), 2**63)


def cursor_of(place: Position, sort: str) -> str:
    """The cursor of a place in a list of this sort."""
    return encode_cursor([sort, place.value, place.trace_id.hex(), place.start_ns])


def position(cursor: str, sort: str) -> Position:
    """The place that a cursor of this sort means. Raises Problem 400 naming `cursor`."""
    of_sort, value, trace_id, start_ns = decode_cursor(cursor, length=4)
    by_text = sort.partition(":")[0] in TEXT_SORTS
    try:
        if of_sort != sort or not (_is_text(value) if by_text else _is_number(value)) or not _is_number(start_ns):
            raise ValueError
        return Position(value, bytes.fromhex(trace_id), start_ns)
    except (TypeError, ValueError):
        message = "not a cursor of this list"
        raise Problem(400, f"cursor: {message}", errors={"cursor": [message]}) from None


def _is_text(value: Any) -> bool:
    return type(value) is str and "\x00" not in value


def _is_number(value: Any) -> bool:
    return type(value) is int and value in INT64


def cursor_of_place(place: Place, kind: str) -> str:
    """The cursor of a row in a list by time; `kind` names the list."""
    return encode_cursor([kind, place.ns, place.id.hex() if isinstance(place.id, bytes) else place.id])


def place(cursor: str, kind: str, *, raw_id: bool = True) -> Place:
    """The row that a cursor of a list by time means; its id is bytes or text. Raises Problem 400 naming `cursor`."""
    of_kind, ns, found = decode_cursor(cursor, length=3)
    try:
        if of_kind != kind or type(ns) is not int or ns not in INT64 or type(found) is not str or "\x00" in found:
            raise ValueError
        return Place(ns, bytes.fromhex(found) if raw_id else found)
    except ValueError:
        message = "not a cursor of this list"
        raise Problem(400, f"cursor: {message}", errors={"cursor": [message]}) from None
