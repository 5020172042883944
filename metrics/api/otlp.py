"""OTLP over HTTP as a plain ASGI callable in front of Django: bounded bytes in, an answer after the commit."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError, close_old_connections

from agents.access import api_project
from agents.authentication import caller_from_headers, headers_in_scope
from agents.permissions import Scope
from console.lib import clock
from console.lib.http import Problem
from console.lib.streams import BadEncoding, TooLarge, inflate
from metrics.api.otlp_answers import JSON, PROTOBUF, Answer, exported, failed
from metrics.ingest import otlp, pipeline
from metrics.ingest.limits import Malformed
from metrics.ingest.pipeline import Outcome

logger = logging.getLogger(__name__)

AsgiScope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# Langfuse's SDK posts below its own address.
PATHS = {
    f"{prefix}/v1/{signal}": signal for prefix in ("", "/api/public/otel") for signal in ("traces", "logs", "metrics")
}
ENCODINGS = frozenset({"", "identity", "gzip", "deflate"})
BUSY_SECONDS = 1
DATABASE_AWAY_SECONDS = 5
# Decoding holds the interpreter and writing waits for the database: a few threads keep both busy.
WORKERS = 4

_workers = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="otlp")


class Gone(Exception):
    """The client went away before the body was complete."""


class Budget:
    """The bytes of all requests that are being read or stored, so that a burst cannot take all memory."""

    def __init__(self) -> None:
        self.used = 0

    def take(self, count: int) -> bool:
        """Reserves bytes; False when that would exceed INGEST_MAX_IN_FLIGHT."""
        if self.used + count > settings.INGEST_MAX_IN_FLIGHT:
            return False
        self.used += count
        return True

    def give(self, count: int) -> None:
        """Returns reserved bytes."""
        self.used -= count


budget = Budget()


@dataclass(frozen=True, slots=True)
class Export:
    """One export request, read completely."""

    signal: str
    json: bool
    encoding: str
    body: bytes
    headers: dict[str, str]
    query: dict[str, str]
    client_ip: str


def handles(path: str) -> bool:
    """Whether this module serves the path."""
    return path.rstrip("/") in PATHS


async def application(scope: AsgiScope, receive: Receive, send: Send) -> None:
    """Serves one request on one of the OTLP paths."""
    try:
        answer = await _answer(scope, receive)
    except Gone:
        return
    headers = {"content-type": answer.content_type, "content-length": str(len(answer.body))} | {
        name.lower(): value for name, value in answer.headers.items()
    }
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": answer.body})


async def _answer(scope: AsgiScope, receive: Receive) -> Answer:
    headers = headers_in_scope(scope)
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    json = content_type != PROTOBUF
    if scope["method"] != "POST":
        return failed(405, "Only POST is served here.", json=json, headers={"Allow": "POST"})
    if content_type not in {PROTOBUF, JSON}:
        return failed(415, f"Send {PROTOBUF} or {JSON}.", json=json)
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in ENCODINGS:
        return failed(415, "Send the body as it is, or with gzip or deflate.", json=json)
    declared = _declared_length(headers)
    if declared > settings.OTLP_MAX_COMPRESSED:
        return _too_large(json)
    # What the body may unfold to is not known yet: ten times its size is a usual ratio.
    reserved = declared + min(declared * 10, settings.OTLP_MAX_BODY) * (encoding not in {"", "identity"})
    if not budget.take(reserved):
        return failed(503, "Too much is being stored at once.", json=json, headers={"Retry-After": str(BUSY_SECONDS)})
    try:
        body = await _read(receive, settings.OTLP_MAX_COMPRESSED)
        if body is None:
            return _too_large(json)
        export = Export(
            signal=PATHS[scope["path"].rstrip("/")],
            json=json,
            encoding=encoding,
            body=body,
            headers=headers,
            query=dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"))),
            client_ip=(scope.get("client") or ("",))[0],
        )
        return await asyncio.get_running_loop().run_in_executor(_workers, _serve, export)
    finally:
        budget.give(reserved)


def _declared_length(headers: dict[str, str]) -> int:
    length = headers.get("content-length", "")
    # A body in chunks has no length: it counts as the largest that it may be.
    return int(length) if length.isdigit() and len(length) < 19 else int(settings.OTLP_MAX_COMPRESSED)


def _too_large(json: bool) -> Answer:
    return failed(413, f"The body is larger than {settings.OTLP_MAX_COMPRESSED} bytes.", json=json)


async def _read(receive: Receive, limit: int) -> bytes | None:
    """The body, or None beyond the limit. Raises Gone when the client goes away."""
    parts: list[bytes] = []
    total = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        part = message.get("body", b"")
        total += len(part)
        if total > limit:
            return None
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _serve(export: Export) -> Answer:
    """In a worker thread: authenticates, decodes, stores and commits."""
    close_old_connections()
    try:
        outcome = _store(export)
        return exported(export.signal, refused=outcome.refused, reason=outcome.reason, json=export.json)
    except Problem as problem:
        return failed(problem.status, problem.detail, json=export.json, headers=problem.headers)
    except (OperationalError, InterfaceError, InternalError):
        # Away, full or read-only: the sender keeps the batch and tries again.
        logger.exception("telemetry could not be stored")
        retry = {"Retry-After": str(DATABASE_AWAY_SECONDS)}
        return failed(503, "The database does not take telemetry at the moment.", json=export.json, headers=retry)
    except Exception:
        logger.exception("telemetry could not be processed")
        return failed(500, "Handrail failed to process this batch.", json=export.json)
    finally:
        close_old_connections()


def _store(export: Export) -> Outcome:
    now = clock.now()
    caller = caller_from_headers(export.headers, export.client_ip, now)
    project = api_project(
        caller, query=export.query, headers=export.headers, scope=Scope.TELEMETRY_WRITE, permission=None
    )
    try:
        body = inflate(export.body, export.encoding, limit=settings.OTLP_MAX_BODY)
        if export.signal == "traces":
            return pipeline.store_spans(project.pk, otlp.spans(body, json=export.json), now)
        if export.signal == "logs":
            return pipeline.store_logs(project.pk, otlp.logs(body, json=export.json), now)
        return pipeline.store_points(project.pk, otlp.points(body, json=export.json), now)
    except TooLarge as error:
        raise Problem(413, f"The decompressed body is larger than {settings.OTLP_MAX_BODY} bytes.") from error
    except (BadEncoding, Malformed) as error:
        raise Problem(400, str(error)) from error
