"""OTLP over HTTP as a plain ASGI callable in front of Django: bounded bytes in, an answer after the commit."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError, close_old_connections

from agents.access import api_project
from agents.authentication import caller_from_headers, headers_in_scope
from agents.models import Project
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
Result = TypeVar("Result")

# Langfuse's SDK posts below its own address.
PATHS = {
    f"{prefix}/v1/{signal}": signal for prefix in ("", "/api/public/otel") for signal in ("traces", "logs", "metrics")
}
ENCODINGS = frozenset({"", "identity", "gzip", "deflate"})
BUSY_SECONDS = 1
DATABASE_AWAY_SECONDS = 5
# How long a body may take to arrive, from the first byte to the last.
READ_SECONDS = 30.0
# Decoding holds the interpreter and writing waits for the database: a few threads keep both busy.
WORKERS = 4

_workers = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="otlp")


class Gone(Exception):
    """The client went away before the body was complete."""


class Late(Exception):
    """The body did not arrive within READ_SECONDS."""


class Full(Exception):
    """INGEST_MAX_IN_FLIGHT bytes are being read or stored already."""


class Budget:
    """The bytes of all requests that are being read or stored, so that a burst cannot take all memory."""

    def __init__(self) -> None:
        self.used = 0
        self._lock = threading.Lock()  # workers take as well, for what bodies unfold to

    def has_room(self, count: int) -> bool:
        """Whether so many bytes could be taken now."""
        return bool(self.used + count <= settings.INGEST_MAX_IN_FLIGHT)

    def change(self, count: int) -> None:
        """Takes bytes, or gives them back when negative. Raises Full instead of taking too many."""
        with self._lock:
            if count > 0 and not self.has_room(count):
                raise Full
            self.used += count


budget = Budget()


class Share:
    """What one request holds of the budget: never more than has arrived or was unfolded."""

    def __init__(self) -> None:
        self.held = 0

    def take(self, count: int) -> None:
        """Takes bytes for this request. Raises Full."""
        budget.change(count)
        self.held += count

    def give_back(self) -> None:
        """Returns all bytes of this request."""
        budget.change(-self.held)
        self.held = 0


@dataclass(frozen=True, slots=True)
class Head:
    """An export request without its body."""

    signal: str
    json: bool
    encoding: str
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
    head = Head(
        signal=PATHS[scope["path"].rstrip("/")],
        json=json,
        encoding=encoding,
        headers=headers,
        query=dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"))),
        client_ip=(scope.get("client") or ("",))[0],
    )
    loop = asyncio.get_running_loop()
    # Before a byte is read: strangers must not hold memory that senders with a key need.
    project = await loop.run_in_executor(_workers, _guarded, head, lambda: _project(head))
    if isinstance(project, Answer):
        return project
    if not budget.has_room(declared):
        return _busy(json)
    return await _received(head, project, receive)


async def _received(head: Head, project: Project, receive: Receive) -> Answer:
    share = Share()
    try:
        body = await _read(receive, settings.OTLP_MAX_COMPRESSED, share)
        if body is None:
            return _too_large(head.json)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_workers, _guarded, head, lambda: _stored(head, project, body, share))
    except Late:
        message = f"The body did not arrive within {READ_SECONDS:g} seconds."
        return failed(408, message, json=head.json, headers={"Connection": "close"})
    except Full:
        return _busy(head.json)
    finally:
        share.give_back()


def _declared_length(headers: dict[str, str]) -> int:
    length = headers.get("content-length", "")
    # A body in chunks has no length: what it takes shows while it arrives.
    return int(length) if length.isdigit() and len(length) < 19 else 0


def _too_large(json: bool) -> Answer:
    return failed(413, f"The body is larger than {settings.OTLP_MAX_COMPRESSED} bytes.", json=json)


def _busy(json: bool) -> Answer:
    return failed(503, "Too much is being stored at once.", json=json, headers={"Retry-After": str(BUSY_SECONDS)})


async def _read(receive: Receive, limit: int, share: Share) -> bytes | None:
    """The body, or None beyond the limit. Raises Gone when the client goes away, Late, and Full."""
    parts: list[bytes] = []
    total = 0
    try:
        async with asyncio.timeout(READ_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Gone
                part = message.get("body", b"")
                total += len(part)
                if total > limit:
                    return None
                share.take(len(part))
                parts.append(part)
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError as error:
        raise Late from error


def _guarded(head: Head, work: Callable[[], Result]) -> Result | Answer:
    """In a worker thread: what `work` returns, or what the sender is told when it fails. Full passes through."""
    close_old_connections()
    try:
        return work()
    except Full:
        raise
    except Problem as problem:
        return failed(problem.status, problem.detail, json=head.json, headers=problem.headers)
    except (OperationalError, InterfaceError, InternalError):
        # Away, full or read-only: the sender keeps the batch and tries again.
        logger.exception("telemetry could not be stored")
        retry = {"Retry-After": str(DATABASE_AWAY_SECONDS)}
        return failed(503, "The database does not take telemetry at the moment.", json=head.json, headers=retry)
    except Exception:
        logger.exception("telemetry could not be processed")
        return failed(500, "Handrail failed to process this batch.", json=head.json)
    finally:
        close_old_connections()


def _project(head: Head) -> Project:
    """The project that the sender may write to. Raises Problem."""
    caller = caller_from_headers(head.headers, head.client_ip, clock.now())
    return api_project(caller, query=head.query, headers=head.headers, scope=Scope.TELEMETRY_WRITE, permission=None)


def _stored(head: Head, project: Project, body: bytes, share: Share) -> Answer:
    """Decodes, stores and commits. Raises Problem, and Full when there is no room for the unfolded body."""
    outcome = _store(head, project, body, share)
    return exported(head.signal, refused=outcome.refused, reason=outcome.reason, json=head.json)


def _store(head: Head, project: Project, body: bytes, share: Share) -> Outcome:
    now = clock.now()
    try:
        plain = inflate(body, head.encoding, limit=settings.OTLP_MAX_BODY)
        if plain is not body:
            # At most WORKERS bodies are unfolded at a time, so what is not yet accounted for is bounded as well.
            share.take(len(plain))
        if head.signal == "traces":
            return pipeline.store_spans(project.pk, otlp.spans(plain, json=head.json), now)
        if head.signal == "logs":
            return pipeline.store_logs(project.pk, otlp.logs(plain, json=head.json), now)
        return pipeline.store_points(project.pk, otlp.points(plain, json=head.json), now)
    except TooLarge as error:
        raise Problem(413, f"The decompressed body is larger than {settings.OTLP_MAX_BODY} bytes.") from error
    except (BadEncoding, Malformed) as error:
        raise Problem(400, str(error)) from error
