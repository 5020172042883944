"""What the loopback Handrail answers: the wire contract, over the state that `loopback` keeps."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from handrail import arguments_hash

if TYPE_CHECKING:
    from loopback import Loopback, Seen

Json = dict[str, Any]
ALL = ["approve", "edit", "reject", "respond"]
ITEM = ("action", "arguments", "description", "arguments_schema", "allowed_decisions")


class Refusal(Exception):
    """A problem+json answer."""

    def __init__(self, status: int, title: str, *, errors: Any = None, **extra: Any) -> None:
        super().__init__(title)
        self.status = status
        self.body = {"type": "about:blank", "title": title, "status": status, "detail": "", **extra}
        if errors is not None:
            self.body["errors"] = errors


def made(wanted: Json) -> Json:
    """A new request as the server shows it."""
    now = datetime.now(timezone.utc)
    actions = wanted.get("actions") or [{name: wanted[name] for name in ITEM if name in wanted}]
    items = [
        {"index": place, "arguments": {}, "allowed_decisions": ALL, **each, "status": "pending", "decision": None}
        for place, each in enumerate(actions)
    ]
    return {
        "id": str(uuid.uuid4()),
        "status": "pending",
        "action": items[0]["action"],
        "arguments": items[0]["arguments"],
        "session_id": wanted.get("session_id"),
        "metadata": wanted.get("metadata", {}),
        "risk": {
            "level": "low",
            "score": 0.2,
            "factors": [{"name": "amount", "weight": 0.2, "detail": "over 1,000"}],
            "explanation": "The amount is over 1,000.",
        },
        "policy": {"version": 1, "rule": "default"},
        "requested_at": now.isoformat().replace("+00:00", "Z"),
        "expires_at": (now + timedelta(seconds=wanted.get("timeout_seconds", 300))).isoformat(),
        "estimated_wait_seconds": None,
        "decision": None,
        "items": items,
        "messages": [],
        "outcome": None,
    }


def decided(approval: Json, verdict: str, place: int, decision: Json) -> None:
    """Decides on one item; the request is decided with its last one."""
    statuses = {"approve": "approved", "edit": "approved", "reject": "rejected", "respond": "answered"}
    item = approval["items"][place]
    item["status"] = statuses[verdict]
    item["decision"] = {
        "verdict": verdict,
        "arguments": item["arguments"] if verdict == "approve" else None,
        "reason": "",
        "message": "",
        "labels": [],
        "reviewers": [{"name": "Rita", "verdict": verdict, "at": "2026-01-02T03:04:05Z"}],
        "decided_at": "2026-01-02T03:04:05Z",
        **decision,
    }
    item["decision"].setdefault("receipt", _receipt(approval, item))
    found = {each["status"] for each in approval["items"]}
    if "pending" not in found:
        approval["status"] = found.pop() if len(found) == 1 else "mixed"
        approval["decision"] = approval["items"][0]["decision"]


def _listed(server: Loopback, seen: Seen) -> Json:
    """Newest first, two to a page, so that a second page is never far."""
    wanted = {name: values[0] for name, values in seen.query.items() if name not in ("cursor", "limit")}
    rows = [
        each
        for each in reversed(server.approvals.values())
        if all(each.get(name) == value for name, value in wanted.items())
    ]
    start = int(seen.query.get("cursor", ["0"])[0])
    query = urlencode({**wanted, "cursor": start + 2})
    more = f"http://elsewhere.invalid/api/v1/approvals?{query}" if len(rows) > start + 2 else None
    return {"results": rows[start : start + 2], "next": more}


def read(server: Loopback, seen: Seen) -> Any:
    if seen.path == "/api/v1/approvals":
        return _listed(server, seen)
    if seen.path == "/api/v1/traces":
        return {"results": server.traces, "next": None}
    if seen.path == "/api/v1/feedback":
        after = int(seen.query.get("cursor", ["0"])[0])
        seconds = int(seen.query.get("wait", ["0"])[0])
        server.changed.wait_for(lambda: len(server.examples) > after or not server.running, seconds)
        return server.examples[after:]
    if not seen.path.startswith("/api/v1/approvals/"):
        raise Refusal(404, "Not found")
    approval_id = seen.path.removeprefix("/api/v1/approvals/")
    if approval_id not in server.approvals:
        raise Refusal(404, "Not found")
    seconds = int(seen.query.get("wait", ["0"])[0])
    if not 0 <= seconds <= 60:
        raise Refusal(422, "Invalid", errors={"wait": ["must be 0 to 60"]})
    server.waiting += 1
    server.changed.notify_all()
    try:
        server.changed.wait_for(
            lambda: server.approvals[approval_id]["status"] not in ("pending", "info_requested") or not server.running,
            seconds,
        )
    finally:
        server.waiting -= 1
    return dict(server.approvals[approval_id])


def post(server: Loopback, seen: Seen) -> tuple[int, Any, dict[str, str]]:
    if seen.headers.get("content-type") != "application/json":
        raise Refusal(415, "Wrong content type")
    key = seen.headers.get("idempotency-key", "")
    if key in server.replies:
        body, status, answer = server.replies[key]
        if body != seen.body:
            errors = [{"field": "Idempotency-Key", "detail": "was used before with another body"}]
            raise Refusal(422, "Idempotency-Key was used with another body", errors=errors)
        return status, answer, {"Idempotent-Replayed": "true"}
    status, answer = _act(server, seen)
    server.replies[key] = (seen.body, status, json.loads(json.dumps(answer)))
    return status, answer, {}


def _act(server: Loopback, seen: Seen) -> tuple[int, Any]:
    wanted = seen.json()
    if seen.path == "/api/v1/approvals":
        if not wanted.get("action") and not wanted.get("actions"):
            raise Refusal(422, "Invalid", errors={"action": ["This field is required."]})
        return 201, server.create(wanted)
    approval_id, _, verb = seen.path.removeprefix("/api/v1/approvals/").partition("/")
    approval = server.approvals.get(approval_id)
    if approval is None:
        raise Refusal(404, "Not found")
    if verb == "cancel":
        if approval["status"] != "pending":
            raise Refusal(409, "Already decided", decided_by="Rita", verdict=approval["decision"]["verdict"])
        approval["status"] = "cancelled"
    elif verb == "consume":
        _consume(server, approval, wanted)
    elif verb == "decisions":
        if approval["items"][wanted.get("item", 0)]["status"] != "pending":
            raise Refusal(409, "Already decided", decided_by="Rita", verdict="approve")
        decided(approval, wanted.pop("verdict"), wanted.pop("item", 0), wanted)
    elif verb == "outcome":
        if approval["status"] not in ("approved", "answered", "mixed"):
            raise Refusal(409, "Not approved")
        approval["outcome"] = wanted
    else:
        raise Refusal(404, "Not found")
    server.changed.notify_all()
    return 200, approval


def _receipt(approval: Json, item: Json) -> str:
    """What the real server signs; the signature is for those who check one, and they have their own tests."""
    arguments = item["decision"]["arguments"]
    claims = {
        "jti": f"receipt of {approval['id']} {item['index']}",
        "sub": approval["id"],
        "item": item["index"],
        "action": item["action"],
        "verdict": item["decision"]["verdict"],
        "arguments_hash": None if arguments is None else arguments_hash(arguments),
        "iat": 1_700_000_000,
        "exp": 4_000_000_000,
    }
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.c2ln"


def _consume(server: Loopback, approval: Json, wanted: Json) -> None:
    place = wanted.get("item", 0)
    item = approval["items"][place]
    arguments = (item["decision"] or {}).get("arguments")
    if item["status"] != "approved" or arguments is None:
        raise Refusal(409, "Not approved", refusal="not_approved")
    if wanted["arguments_hash"] != arguments_hash(arguments):
        raise Refusal(409, "Other arguments", refusal="arguments_differ")
    # Requests of one action are known by their id alone, which is what most tests look at.
    name = f"{approval['id']} {place}" if place else approval["id"]
    if name in server.consumed:
        raise Refusal(409, "Used already", refusal="consumed", consumed_by="key bot")
    server.consumed[name] = wanted["arguments_hash"]
