"""OTLP over HTTP as a plain ASGI callable in front of Django: bounded bytes in, an answer after the commit."""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings

from agents.authentication import headers_in_scope
from console.lib.http import Problem
from console.lib.streams import ENCODINGS
from metrics.api import intake
from metrics.api.intake import Export, Share
from metrics.api.otlp_answers import JSON, PROTOBUF, Answer, exported, failed

AsgiScope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# Langfuse's SDK posts below its own address.
PATHS = {
    f"{prefix}/v1/{signal}": signal for prefix in ("", "/api/public/otel") for signal in ("traces", "logs", "metrics")
}
# OpenTelemetry says application/x-protobuf; the other name is the registered one.
CONTENT_TYPES = {PROTOBUF: PROTOBUF, "application/protobuf": "application/protobuf", JSON: JSON}


# A worker process that always has so many batches at hand keeps the interpreter busy. Connections stay with the process
# that once accepted them: while it is busy, one of them at a time is asked to come again, to whoever has time.
MANY_AT_HAND = 3
SECONDS_BETWEEN_MOVES = 0.5


class Moves:
    """When a connection was last asked to come again."""

    def __init__(self) -> None:
        self._last = 0.0

    def due(self, now: float) -> bool:
        """Whether the connection that is answered now, on the monotonic clock, should move."""
        if intake.at_hand() < MANY_AT_HAND or now - self._last < SECONDS_BETWEEN_MOVES:
            return False
        self._last = now
        return True


_moves = Moves()


class Gone(Exception):
    """The client went away before the body was complete."""


def handles(path: str) -> bool:
    """Whether this module serves the path."""
    return path.rstrip("/") in PATHS


async def application(scope: AsgiScope, receive: Receive, send: Send) -> None:
    """Serves one request on one of the OTLP paths."""
    headers = headers_in_scope(scope)
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    answered_in = CONTENT_TYPES.get(content_type, JSON)
    json = answered_in == JSON
    try:
        answer = await _answer(scope, headers, content_type, receive)
    except Problem as problem:
        answer = failed(problem.status, problem.detail, json=json, headers=problem.headers)
    except Gone:
        return
    if _moves.due(time.monotonic()):
        answer = replace(answer, headers={**answer.headers, "Connection": "close"})
    head = [
        (b"content-type", answered_in.encode("latin-1")),
        (b"content-length", str(len(answer.body)).encode("latin-1")),
        *((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": head})
    await send({"type": "http.response.body", "body": answer.body})


async def _answer(scope: AsgiScope, headers: dict[str, str], content_type: str, receive: Receive) -> Answer:
    if scope["method"] != "POST":
        raise Problem(405, "Only POST is served here.", headers={"Allow": "POST"})
    if content_type not in CONTENT_TYPES:
        raise Problem(415, f"Send {PROTOBUF} or {JSON}.")
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in ENCODINGS:
        raise Problem(415, "Send the body as it is, or with gzip, deflate or zstd.")
    declared = _declared_length(headers)
    if declared > settings.OTLP_MAX_COMPRESSED:
        raise _too_large()
    query = dict(parse_qsl(scope["query_string"].decode("latin-1"))) if scope.get("query_string") else {}
    client_ip = (scope.get("client") or ("",))[0]
    # Before a byte is read: strangers must not hold memory that senders with a key need.
    project = await intake.project_of(headers, query, client_ip)
    intake.budget.check(declared)
    share = Share()
    try:
        body = await _read(receive, settings.OTLP_MAX_COMPRESSED, share)
        signal, json = PATHS[scope["path"].rstrip("/")], content_type == JSON
        outcome = await intake.store(project, Export(signal, json, encoding, body), share)
        return exported(signal, refused=outcome.refused, reason=outcome.reason, json=json)
    finally:
        share.give_back()


def _declared_length(headers: dict[str, str]) -> int:
    length = headers.get("content-length", "")
    # A body in chunks has no length: what it takes shows while it arrives.
    return int(length) if length.isdigit() and len(length) < 19 else 0


def _too_large() -> Problem:
    return Problem(413, f"The body is larger than {settings.OTLP_MAX_COMPRESSED} bytes.")


async def _read(receive: Receive, limit: int, share: Share) -> bytes:
    """The body. Raises Gone when the client goes away, Problem 408, 413 or 503."""
    parts: list[bytes] = []
    total = 0
    try:
        async with asyncio.timeout(intake.READ_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Gone
                part = message.get("body", b"")
                total += len(part)
                if total > limit:
                    raise _too_large()
                share.take(len(part))
                parts.append(part)
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError as error:
        late = f"The body did not arrive within {intake.READ_SECONDS:g} seconds."
        raise Problem(408, late, headers={"Connection": "close"}) from error
