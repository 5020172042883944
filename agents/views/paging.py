"""Keyset paging of pages: the cursor of the last row travels in the address."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest

from console.lib.http import Problem, decode_cursor, encode_cursor

SIZE = 50


def cursor_of(request: HttpRequest, *, kinds: Sequence[type]) -> list[Any] | None:
    """The values of ?cursor=, each an `int` or a `datetime` as `kinds` says; None without one, 400 when damaged."""
    text = request.GET.get("cursor")
    if not text:
        return None
    try:
        values = decode_cursor(text, length=len(kinds))
    except Problem as problem:
        raise BadRequest(problem.detail) from None
    parsed = [value if kind is int else _moment(value) for kind, value in zip(kinds, values, strict=True)]
    if not all(isinstance(value, kind) for kind, value in zip(kinds, parsed, strict=True)):
        raise BadRequest("The cursor is not one of ours.")
    return parsed


def _moment(value: object) -> datetime | None:
    """An aware time in ISO form, else None."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def next_address(request: HttpRequest, values: Sequence[str | int]) -> str:
    """The address of the page that begins after the row with these values."""
    query = request.GET.copy()
    query["cursor"] = encode_cursor(values)
    return f"{request.path}?{query.urlencode()}"
