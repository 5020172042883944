"""Building requests: what goes to which address with which body. Pure, shared by both clients."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from handrail.errors import HandrailError

URL_VARIABLE = "HANDRAIL_URL"
KEY_VARIABLE = "HANDRAIL_API_KEY"
PROJECT_VARIABLE = "HANDRAIL_PROJECT"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP call, ready to be sent, and sent again unchanged when it must be."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    timeout_seconds: float = 15.0

    @property
    def what(self) -> str:
        """The call in words, for messages."""
        return f"{self.method} {self.path.partition('?')[0]}"


@dataclass(frozen=True, slots=True)
class Response:
    """What came back. headers: names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class TransportFailure:
    """No whole answer came back: refused, reset, timed out, cut off."""

    reason: str


@dataclass(frozen=True, slots=True)
class Server:
    """Where Handrail is and who asks. project: its slug, for people's tokens; a key means its own."""

    url: str
    key: str = field(repr=False)
    project: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """What every call carries."""
        named = {"Handrail-Project": self.project} if self.project else {}
        return {"Authorization": f"Bearer {self.key}", **named}


def locate(url: str | None, key: str | None) -> Server:
    """The server to use: the arguments, else HANDRAIL_URL, HANDRAIL_API_KEY and, if a person's token needs it,
    HANDRAIL_PROJECT. Raises HandrailError when missing."""
    url = url or os.environ.get(URL_VARIABLE, "")
    key = key or os.environ.get(KEY_VARIABLE, "")
    missing = [name for name, value in ((URL_VARIABLE, url), (KEY_VARIABLE, key)) if not value]
    if missing:
        raise HandrailError(f"Set {' and '.join(missing)}, or pass url= and key=")
    if not url.startswith(("http://", "https://")):
        raise HandrailError(f"url must begin with http:// or https://, not {url!r}")
    return Server(url.rstrip("/"), key, os.environ.get(PROJECT_VARIABLE, ""))


def create(fields: Mapping[str, Any], key: str = "") -> Request:
    """The call that asks for approval. key: the idempotency key, the call's own when "".

    Fields that are None are left out: the server has its own defaults.
    """
    return _post("/api/v1/approvals", {name: value for name, value in fields.items() if value is not None}, key)


def listing(path: str, filters: Mapping[str, Any]) -> Request:
    """The call that reads one page of a list, for instance of /api/v1/approvals."""
    query = {name: value for name, value in filters.items() if value not in (None, "")}
    return Request("GET", path + (f"?{urlencode(query, doseq=True)}" if query else ""))


def following(url: str) -> Request:
    """The call that reads the page a list's `next` link leads to. Only its path counts: the key stays at home."""
    parts = urlsplit(url)
    return Request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path)


def budget_check(filters: Mapping[str, Any]) -> Request:
    """The call that asks what is left of the budgets that apply."""
    return listing("/api/v1/budgets/check", filters)


def decide(approval_id: str, ruling: Mapping[str, Any]) -> Request:
    """The call by which a person decides."""
    body = {name: value for name, value in ruling.items() if value is not None}
    return _post(f"{_approval_path(approval_id)}/decisions", body)


def read(approval_id: str) -> Request:
    """The call that reads an approval without waiting."""
    return Request("GET", _approval_path(approval_id))


def long_poll(approval_id: str, seconds: int) -> Request:
    """The call that returns as soon as the approval is decided, or undecided after `seconds` (0 to 60)."""
    # The margin is for a busy server: the answer may be late, and giving up early would only ask again.
    return Request("GET", f"{_approval_path(approval_id)}?wait={seconds}", timeout_seconds=seconds + 15.0)


def cancel(approval_id: str, reason: str) -> Request:
    """The call that withdraws a request."""
    return _post(f"{_approval_path(approval_id)}/cancel", {"reason": reason} if reason else {})


def outcome(approval_id: str, status: str, detail: Mapping[str, Any] | None) -> Request:
    """The call that records what happened after the decision."""
    return _post(f"{_approval_path(approval_id)}/outcome", {"status": status, "detail": dict(detail or {})})


def consume(approval_id: str, arguments_hash: str, item: int, receipt: str) -> Request:
    """The call that uses a receipt up."""
    body: dict[str, Any] = {"arguments_hash": arguments_hash, "item": item}
    return _post(f"{_approval_path(approval_id)}/consume", {**body, "receipt": receipt} if receipt else body)


def receipt_keys() -> Request:
    """The call that reads the public keys of receipts."""
    return Request("GET", "/.well-known/jwks.json")


def feedback(filters: Mapping[str, Any], cursor: str) -> Request:
    """The call that streams labelled examples after `cursor` ("" for all)."""
    query = {name: value for name, value in filters.items() if value is not None}
    if cursor:
        query["cursor"] = cursor
    path = "/api/v1/feedback" + (f"?{urlencode(query, doseq=True)}" if query else "")
    timeout = 30.0 + float(query.get("wait", 0))
    return Request("GET", path, {"Accept": "application/x-ndjson, */*;q=0.1"}, timeout_seconds=timeout)


def _approval_path(approval_id: str) -> str:
    return f"/api/v1/approvals/{quote(approval_id, safe='')}"


def _post(path: str, body: Mapping[str, Any], key: str = "") -> Request:
    # The key is made here, once per call, so that a retry after a lost answer cannot act twice.
    headers = {"Content-Type": "application/json", "Idempotency-Key": key or str(uuid.uuid4())}
    return Request("POST", path, headers, encode(body))


def encode(body: Mapping[str, Any]) -> bytes:
    """JSON bytes. Raises HandrailError for what JSON cannot carry: a reviewer must see exactly what would run."""
    try:
        return json.dumps(body, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        raise HandrailError(f"The request cannot be written as JSON: {error}") from error
