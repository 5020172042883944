"""Answers of the plain ASGI callables that stand in front of Django."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from rest_framework.renderers import JSONRenderer

from console.lib.http import PROBLEM_TYPE, Problem

Send = Callable[[dict[str, Any]], Awaitable[None]]
PlainAnswer = tuple[int, list[tuple[bytes, bytes]], bytes]
"""Status, headers and body."""


def written(value: Mapping[str, Any]) -> bytes:
    """JSON: by orjson, and what that does not know, as numbers beyond 64 bits, as the views write it."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return bytes(JSONRenderer().render(value))


def document(status: int, body: bytes) -> PlainAnswer:
    """A JSON document."""
    return status, _headers("application/json", body, {}), body


def refusal(problem: Problem) -> PlainAnswer:
    """A problem document."""
    body = orjson.dumps(problem.document())
    return problem.status, _headers(PROBLEM_TYPE, body, problem.headers), body


async def answer_with(send: Send, answer: PlainAnswer) -> None:
    """Sends a whole answer."""
    status, headers, body = answer
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _headers(content_type: str, body: bytes, more: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    headers = {
        "content-type": content_type,
        "content-length": str(len(body)),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        **more,
    }
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
