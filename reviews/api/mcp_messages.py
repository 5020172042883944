"""JSON-RPC messages of the Model Context Protocol, revisions 2025-03-26 to 2026-07-28. Pure.

Up to 2025-11-25 a client begins with `initialize`; from 2026-07-28 on every request carries its version and what the
client can do, and headers repeat what proxies route by. Both are served without sessions: a request says all there is.
See https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http and, for the earlier
ones, https://modelcontextprotocol.io/specification/2025-11-25/basic/transports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

HANDSHAKE_VERSIONS = ("2025-03-26", "2025-06-18", "2025-11-25")
MODERN_VERSIONS = ("2026-07-28",)
VERSION_HEADER, METHOD_HEADER, NAME_HEADER = "mcp-protocol-version", "mcp-method", "mcp-name"
VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"
SERVER_KEY = "io.modelcontextprotocol/serverInfo"
SERVER = {"name": "handrail", "title": "Handrail", "version": "0.1.0"}

PARSE_ERROR, INVALID_REQUEST, NO_SUCH_METHOD, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
HEADER_MISMATCH, UNSUPPORTED_VERSION = -32020, -32022
# What a refused message is answered with. A refused call of the earlier revisions is a 200 like any other answer.
STATUSES = dict.fromkeys((PARSE_ERROR, INVALID_REQUEST, INVALID_PARAMS, HEADER_MISMATCH, UNSUPPORTED_VERSION), 400) | {
    NO_SUCH_METHOD: 404
}


class Refused(Exception):
    """A JSON-RPC error."""

    def __init__(self, code: int, message: str, data: Json | None = None) -> None:
        super().__init__(message)
        self.error: Json = {"code": code, "message": message, **({"data": data} if data is not None else {})}


@dataclass(frozen=True)
class Message:
    """A request, or a notification when `wants_answer` is false."""

    method: str
    params: Json = field(default_factory=dict)
    id: str | int | None = None
    wants_answer: bool = True
    modern: bool = False


def message_of(body: Any, headers: Mapping[str, str]) -> Message:
    """The message of a body, checked against the headers (lower-case names). Raises Refused."""
    if not isinstance(body, dict) or body.get("jsonrpc") != "2.0" or not isinstance(body.get("method"), str):
        raise Refused(INVALID_REQUEST, "The body must be one JSON-RPC request or notification.")
    params = body.get("params", {})
    if not isinstance(params, dict):
        raise Refused(INVALID_REQUEST, "params must be an object.")
    message = Message(body["method"], params, body.get("id"), "id" in body, _is_modern(params, headers))
    if message.wants_answer and (not isinstance(message.id, str | int) or isinstance(message.id, bool)):
        raise Refused(INVALID_REQUEST, "id must be a text or a whole number.")
    if message.modern:
        _check_modern(message, headers)
    return message


def _is_modern(params: Json, headers: Mapping[str, str]) -> bool:
    version = headers.get(VERSION_HEADER, HANDSHAKE_VERSIONS[0])
    meta = params.get("_meta")
    return version not in HANDSHAKE_VERSIONS or (isinstance(meta, dict) and VERSION_KEY in meta)


def _check_modern(message: Message, headers: Mapping[str, str]) -> None:
    """Raises Refused for a request that does not say what one of these revisions says, or not twice the same."""
    version = headers.get(VERSION_HEADER, "")
    if message.wants_answer:
        meta = message.params.get("_meta")
        missing = [name for name in (VERSION_KEY, CAPABILITIES_KEY) if not isinstance(meta, dict) or name not in meta]
        if version not in MODERN_VERSIONS and missing:
            raise _unsupported(version)
        if missing:
            raise Refused(INVALID_PARAMS, f"params._meta lacks {' and '.join(missing)}.")
        assert isinstance(meta, dict)
        named = message.params.get("name") if message.method == "tools/call" else None
        for header, said in (
            (VERSION_HEADER, meta[VERSION_KEY]),
            (METHOD_HEADER, message.method),
            (NAME_HEADER, named),
        ):
            if said is not None and headers.get(header) != said:
                raise Refused(HEADER_MISMATCH, f"The header {header} does not say what the body says.")
    if version not in MODERN_VERSIONS:
        raise _unsupported(version)


def _unsupported(version: str) -> Refused:
    supported = [*MODERN_VERSIONS, *HANDSHAKE_VERSIONS]
    return Refused(UNSUPPORTED_VERSION, "Unsupported protocol version", {"supported": supported, "requested": version})


def answer_of(message: Message, result: Json) -> Json:
    """The answer to a request, in the words of its revision."""
    if message.modern:
        result = {"resultType": "complete", **result, "_meta": {SERVER_KEY: SERVER}}
    return {"jsonrpc": "2.0", "id": message.id, "result": result}


def error_of(message: Message | None, refusal: Refused) -> tuple[int, Json]:
    """The status of HTTP and the document of an error; without a message, of one that could not be read."""
    calls = message is not None and not message.modern
    status = 200 if calls else STATUSES.get(refusal.error["code"], 200)
    return status, {"jsonrpc": "2.0", "id": message.id if message else None, "error": refusal.error}


def negotiated(message: Message) -> str:
    """The revision that `initialize` agrees on: the one that is asked for, else the latest with a handshake."""
    asked = message.params.get("protocolVersion")
    if not isinstance(asked, str):
        raise Refused(INVALID_PARAMS, "protocolVersion must be a text.")
    return asked if asked in HANDSHAKE_VERSIONS else HANDSHAKE_VERSIONS[-1]
