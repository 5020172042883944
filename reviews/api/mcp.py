"""/mcp: the Model Context Protocol over streamable HTTP, in front of Django: who waits for a decision is a coroutine.

Stateless: there are no sessions, and nothing is sent but answers, so there is no stream to open with GET. An answer is
one JSON document; one that takes long becomes a stream of events that a proxy does not cut, for clients that take it.
The protocol's own library is not used: what it does beyond `mcp_messages` (sessions, resumption, sampling, OAuth) is
not wanted here, and it would bring a second web framework and a second model of requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError

from agents.api.base import ApiView
from agents.authentication import CHALLENGE, Caller, caller_at_once, caller_from_headers, headers_in_scope
from console.lib import clock
from console.lib.http import Problem
from console.lib.together import in_thread
from reviews import tool_definitions as tools
from reviews.api import mcp_messages as protocol
from reviews.api.mcp_messages import Message, Refused
from reviews.api.mcp_tools import Call, call, threads
from reviews.api.parsers import ExactJsonParser
from reviews.api.plain import PlainAnswer, Send, answer_with, document
from reviews.api.wait import ClientLeft, Receive, Scope, Waiter, or_refused, while_connected

logger = logging.getLogger(__name__)

Json = dict[str, Any]

PATH = "/mcp"
STREAM_AFTER_SECONDS = 5.0
PING_SECONDS = 10.0
EVENT_STREAM, JSON_TYPE = "text/event-stream", "application/json"
CAPABILITIES = {"tools": {"listChanged": False}}
# The tools are the same for everybody until the server is another one.
CACHED = {"ttlMs": 3_600_000, "cacheScope": "public"}


@dataclass(frozen=True)
class Exchange:
    """A message that was let in, and whether its answer may be a stream."""

    message: Message
    caller: Caller
    headers: Mapping[str, str]
    streams: bool


def handles(scope: Scope) -> bool:
    """Whether this is the endpoint."""
    path: str = scope["path"]
    return path.rstrip("/") == PATH


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers one message."""
    with contextlib.suppress(ClientLeft):
        opened = await or_refused(_open(scope, receive), name="mcp")
        if not isinstance(opened, Exchange):
            await answer_with(send, opened)
        elif opened.message.wants_answer:
            await _exchange(opened, receive, send)
        else:
            await answer_with(send, (202, [(b"content-length", b"0")], b""))


async def _exchange(opened: Exchange, receive: Receive, send: Send) -> None:
    """Answers a request. Raises ClientLeft."""
    waiter = Waiter()
    with while_connected(receive, waiter.leave):
        working = asyncio.create_task(_answer(opened, waiter), name="mcp-call")
        try:
            if opened.streams:
                await asyncio.wait({working}, timeout=STREAM_AFTER_SECONDS)
            if working.done() or not opened.streams:
                await answer_with(send, await working)
            else:
                await _stream(send, working)
        finally:
            working.cancel()


async def _open(scope: Scope, receive: Receive) -> Exchange | PlainAnswer:
    """Lets a message in, or gives the answer to one that cannot be read. Raises Problem."""
    headers = headers_in_scope(scope)
    if scope["method"] != "POST":
        raise Problem(405, "Messages are sent with POST; there is no stream to open.", headers={"Allow": "POST"})
    _check_origin(headers)
    caller = await _caller_of(scope, headers)
    if headers.get("content-type", "").partition(";")[0].strip().lower() != JSON_TYPE:
        raise Problem(415, f"The body must be {JSON_TYPE}.")
    accepted = {one.partition(";")[0].strip().lower() for one in headers.get("accept", "*/*").split(",")}
    if not accepted & {JSON_TYPE, "application/*", "*/*"}:
        raise Problem(406, f"The answer is {JSON_TYPE} or {EVENT_STREAM}: accept both.")
    body = await _body(headers, receive)
    try:
        message = protocol.message_of(_parsed(body), headers)
    except Refused as refusal:
        return _document(*protocol.error_of(None, refusal))
    return Exchange(message, caller, headers, streams=EVENT_STREAM in accepted)


def _check_origin(headers: Mapping[str, str]) -> None:
    """Raises Problem 403 for pages of other sites, which a browser on this network may have open (DNS rebinding)."""
    origin = headers.get("origin")
    if origin is None:
        return
    trusted = {f"{found.scheme}://{found.netloc}" for found in map(urlsplit, settings.CSRF_TRUSTED_ORIGINS)}
    if origin not in trusted:
        raise Problem(403, "Pages of this origin may not call here.")


async def _caller_of(scope: Scope, headers: Mapping[str, str]) -> Caller:
    """Who calls, by a key or a personal token; never by a browser's session. Raises Problem 401 or 429."""
    address, now = (scope.get("client") or ("",))[0], clock.now()
    caller = caller_at_once(headers, address, now)
    caller = caller or await in_thread(threads, lambda: caller_from_headers(headers, address, now))
    if caller is None:
        raise Problem(401, "Authentication is required: send an API key or a personal token.", headers=CHALLENGE)
    return caller


async def _body(headers: Mapping[str, str], receive: Receive) -> bytes:
    """The whole body. Raises Problem 413."""
    limit = ApiView.body_limit
    too_large = Problem(413, f"The body is larger than {limit} bytes.")
    declared = headers.get("content-length", "0")
    if declared.isdigit() and int(declared[:19]) > limit:
        raise too_large
    body = b""
    while True:
        received = await receive()
        if received["type"] == "http.disconnect":
            raise ClientLeft
        body += bytes(received.get("body", b""))
        if len(body) > limit:
            raise too_large
        if not received.get("more_body"):
            return body


def _parsed(body: bytes) -> Any:
    """The value of a body with every number as it was sent. Raises Refused."""
    try:
        return ExactJsonParser().parse(io.BytesIO(body))
    except Problem as problem:
        raise Refused(protocol.PARSE_ERROR, problem.detail) from None


async def _answer(exchange: Exchange, waiter: Waiter) -> PlainAnswer:
    """The answer to a request. Raises ClientLeft."""
    message = exchange.message
    try:
        return _document(200, protocol.answer_of(message, await _result(exchange, waiter)))
    except Refused as refusal:
        return _document(*protocol.error_of(message, refusal))
    except ClientLeft:
        raise
    except DatabaseError:
        logger.exception("mcp_database_error")
        return _document(*protocol.error_of(message, _broken("The database does not answer. Try again in a moment.")))
    except Exception:
        logger.exception("mcp_error")
        return _document(*protocol.error_of(message, _broken("Something went wrong on our side.")))


async def _result(exchange: Exchange, waiter: Waiter) -> Json:
    message = exchange.message
    cached = CACHED if message.modern else {}
    if message.method == "tools/list":
        return {"tools": list(tools.TOOLS), **cached}
    if message.method == "tools/call":
        return await _called(exchange, waiter)
    if message.method == "server/discover" and message.modern:
        versions = [*protocol.MODERN_VERSIONS, *protocol.HANDSHAKE_VERSIONS]
        return {
            "supportedVersions": versions,
            "capabilities": CAPABILITIES,
            "instructions": tools.INSTRUCTIONS,
            **cached,
        }
    if message.method == "initialize" and not message.modern:
        return {
            "protocolVersion": protocol.negotiated(message),
            "capabilities": CAPABILITIES,
            "serverInfo": protocol.SERVER,
            "instructions": tools.INSTRUCTIONS,
        }
    if message.method == "ping" and not message.modern:
        return {}
    raise Refused(protocol.NO_SUCH_METHOD, f"There is no method {message.method[:100]}.")


async def _called(exchange: Exchange, waiter: Waiter) -> Json:
    name, arguments = exchange.message.params.get("name"), exchange.message.params.get("arguments", {})
    if not isinstance(name, str) or not isinstance(arguments, dict | None):
        raise Refused(protocol.INVALID_PARAMS, "name must be a text and arguments an object.")
    if name not in {tool["name"] for tool in tools.TOOLS}:
        raise Refused(protocol.INVALID_PARAMS, f"There is no tool {name[:100]}.")
    return await call(name, Call(exchange.caller, exchange.headers, arguments or {}, waiter))


async def _stream(send: Send, working: asyncio.Task[PlainAnswer]) -> None:
    """One event with the answer, and until it is there comments that keep the connection open."""
    headers = {"content-type": EVENT_STREAM, "cache-control": "no-store", "x-accel-buffering": "no"}
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 200, "headers": encoded})
    while not working.done():
        await send({"type": "http.response.body", "body": b": waiting\n\n", "more_body": True})
        await asyncio.wait({working}, timeout=PING_SECONDS)
    _status, _headers, body = await working
    await send({"type": "http.response.body", "body": b"event: message\ndata: " + body + b"\n\n"})


def _document(status: int, value: Json) -> PlainAnswer:
    # Not orjson alone: it does not know whole numbers beyond 64 bits.
    return document(status, json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def _broken(words: str) -> Refused:
    return Refused(protocol.INTERNAL_ERROR, words)
