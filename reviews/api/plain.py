"""Answers of the plain ASGI callables that stand in front of Django."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from rest_framework.renderers import JSONRenderer
from rest_framework.utils.encoders import JSONEncoder

from console.lib.http import PROBLEM_TYPE, Problem

Send = Callable[[dict[str, Any]], Awaitable[None]]
PlainAnswer = tuple[int, list[tuple[bytes, bytes]], bytes]
"""Status, headers and body."""


def written(value: Mapping[str, Any]) -> bytes:
    """JSON: by orjson, and what that does not know, as numbers beyond 64 bits, as the views write it.

    An `orjson.Fragment` of bytes is passed on as it is.
    """
    try:
        return orjson.dumps(value)
    except TypeError:
        return bytes(_Renderer().render(value))


class _Encoder(JSONEncoder):
    def default(self, obj: Any) -> Any:
        # orjson takes a fragment apart for nobody, but writes it.
        return json.loads(orjson.dumps(obj)) if isinstance(obj, orjson.Fragment) else super().default(obj)


class _Renderer(JSONRenderer):
    encoder_class = _Encoder


def document(status: int, body: bytes) -> PlainAnswer:
    """A JSON document."""
    return status, [*JSON_HEADERS, (b"content-length", b"%d" % len(body))], body


def refusal(problem: Problem) -> PlainAnswer:
    """A problem document."""
    body = orjson.dumps(problem.document())
    length = (b"content-length", b"%d" % len(body))
    return problem.status, [*_headers(PROBLEM_TYPE, problem.headers), length], body


async def answer_with(send: Send, answer: PlainAnswer) -> None:
    """Sends a whole answer."""
    status, headers, body = answer
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _headers(content_type: str, more: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", content_type.encode("ascii")),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        *((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in more.items()),
    ]


JSON_HEADERS = _headers("application/json", {})
