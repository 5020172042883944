"""A Handrail on a loopback port, made of the standard library: the wire contract, and faults on demand.

The state outlives the listener, so that a test can stop the server and start it again on the same port.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import socket
import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from handrail import arguments_hash

KEY = "hr_test"
Json = dict[str, Any]


class Refusal(Exception):
    """A problem+json answer."""

    def __init__(self, status: int, title: str, *, errors: Any = None, **extra: Any) -> None:
        super().__init__(title)
        self.status = status
        self.body = {"type": "about:blank", "title": title, "status": status, "detail": "", **extra}
        if errors is not None:
            self.body["errors"] = errors


@dataclass
class Fault:
    """What goes wrong with one request.

    status: answer with it instead, headers with it. drop: close the connection, "before" or "after" the work is done.
    cut_after: bytes of a stream that are sent before the connection closes. only: the method and path it waits for.
    """

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: str = ""
    cut_after: int | None = None
    only: str = ""


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Loopback:
    """The server and its state. Use as a context manager."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.approvals: dict[str, Json] = {}
        self.examples: list[Json] = []
        self.consumed: dict[str, str] = {}
        self.replies: dict[str, tuple[bytes, int, Any]] = {}
        self.faults: deque[Fault] = deque()
        self.seen: list[Seen] = []
        self.on_create: Callable[[Json], None] = lambda approval: None
        self.waiting = 0
        self.running = False
        self._port = 0
        self._http: _Listener | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        self._http = _Listener(("127.0.0.1", self._port), type("Handler", (_Handler,), {"loopback": self}))
        self._port = self._http.server_address[1]
        self.running = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> None:
        """Go away as a killed process does: every connection breaks."""
        if self._http is None or self._thread is None:
            return
        with self.changed:
            self.running = False
            self.changed.notify_all()
        self._http.shutdown()
        self._http.break_connections()
        self._http.server_close()
        self._thread.join()
        self._http = self._thread = None

    def __enter__(self) -> Loopback:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def until(self, condition: Callable[[], object], timeout: float = 10.0) -> None:
        """Block until the state satisfies the condition."""
        with self.changed:
            assert self.changed.wait_for(condition, timeout), "the expected request never came"

    def requests(self, method: str, path: str) -> list[Seen]:
        return [each for each in self.seen if (each.method, each.path) == (method, path)]

    def create(self, wanted: Json) -> Json:
        now = datetime.now(timezone.utc)
        approval: Json = {
            "id": str(uuid.uuid4()),
            "status": "pending",
            "action": wanted["action"],
            "arguments": wanted.get("arguments", {}),
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
            "messages": [],
            "outcome": None,
        }
        approval["url"] = f"{self.url}/p/default/queue/{approval['id']}/"
        self.approvals[approval["id"]] = approval
        self.on_create(approval)
        self.changed.notify_all()
        return approval

    def decide(self, approval_id: str, verdict: str, **decision: Any) -> None:
        statuses = {"approve": "approved", "edit": "approved", "reject": "rejected", "respond": "answered"}
        with self.changed:
            approval = self.approvals[approval_id]
            arguments = approval["arguments"] if verdict == "approve" else None
            approval["status"] = statuses[verdict]
            approval["decision"] = {
                "verdict": verdict,
                "arguments": arguments,
                "reason": "",
                "message": "",
                "labels": [],
                "reviewers": [{"name": "Rita", "verdict": verdict, "at": "2026-01-02T03:04:05Z"}],
                "decided_at": "2026-01-02T03:04:05Z",
                **decision,
            }
            approval["decision"].setdefault("receipt", _receipt(approval))
            self.changed.notify_all()

    def expire(self, approval_id: str) -> None:
        with self.changed:
            self.approvals[approval_id].update(status="expired", effect="deny")
            self.changed.notify_all()


class _Listener(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._open_lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def break_connections(self) -> None:
        with self._open_lock:
            for connection in self._open:
                _break(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error here."""


def _break(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # The other side may have been quicker.
        connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    loopback: ClassVar[Loopback]

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *message: object) -> None:
        pass

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, parts.path, parse_qs(parts.query), headers, body)
        with self.loopback.changed:
            self.loopback.seen.append(seen)
            fault = _next_fault(self.loopback, seen)
            self.loopback.changed.notify_all()
        if fault.status:
            self._reply(fault.status, b"busy", {"Content-Type": "text/plain", **fault.headers})
            return
        if fault.drop == "before":
            self._drop()
            return
        try:
            status, answer, extra = self._answer(seen)
        except Refusal as refusal:
            status, answer, extra = refusal.status, refusal.body, {}
        if fault.drop == "after" or not self.loopback.running:
            self._drop()
        elif isinstance(answer, list):
            self._stream(answer, fault.cut_after)
        else:
            problem = {"Content-Type": "application/problem+json"} if status >= 400 else {}
            self._reply(status, json.dumps(answer).encode(), {**problem, **extra})

    def _answer(self, seen: Seen) -> tuple[int, Any, dict[str, str]]:
        if seen.headers.get("authorization") != f"Bearer {KEY}":
            raise Refusal(401, "Unknown key")
        if seen.method == "GET":
            with self.loopback.changed:
                return 200, _read(self.loopback, seen), {}
        if seen.path == "/v1/traces":
            if seen.headers.get("content-encoding") == "gzip":
                seen.body = gzip.decompress(seen.body)
            return 200, {}, {}
        with self.loopback.changed:
            return _post(self.loopback, seen)

    def _reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, examples: list[Json], cut_after: int | None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Handrail-Cursor", str(len(self.loopback.examples)))
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        body = b"".join(json.dumps(example).encode() + b"\n" for example in examples)
        chunk = body[:cut_after]
        if chunk:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        if cut_after is not None and cut_after < len(body):
            self._drop()
            return
        self.wfile.write(b"0\r\n\r\n")

    def _drop(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        _break(self.connection)


def _next_fault(server: Loopback, seen: Seen) -> Fault:
    if server.faults and server.faults[0].only in ("", f"{seen.method} {seen.path}"):
        return server.faults.popleft()
    return Fault()


def _read(server: Loopback, seen: Seen) -> Any:
    if seen.path == "/api/v1/feedback":
        after = int(seen.query.get("cursor", ["0"])[0])
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


def _post(server: Loopback, seen: Seen) -> tuple[int, Any, dict[str, str]]:
    if seen.headers.get("content-type") != "application/json":
        raise Refusal(415, "Wrong content type")
    key = seen.headers.get("idempotency-key", "")
    if key in server.replies:
        body, status, answer = server.replies[key]
        if body != seen.body:
            raise Refusal(422, "Idempotency-Key was used with another body")
        return status, answer, {"Idempotent-Replayed": "true"}
    status, answer = _act(server, seen)
    server.replies[key] = (seen.body, status, json.loads(json.dumps(answer)))
    return status, answer, {}


def _act(server: Loopback, seen: Seen) -> tuple[int, Any]:
    wanted = seen.json()
    if seen.path == "/api/v1/approvals":
        if not wanted.get("action"):
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
    elif verb == "outcome":
        if approval["status"] not in ("approved", "answered"):
            raise Refusal(409, "Not approved")
        approval["outcome"] = wanted
    else:
        raise Refusal(404, "Not found")
    server.changed.notify_all()
    return 200, approval


def _receipt(approval: Json) -> str:
    """What the real server signs; the signature is for those who check one, and they have their own tests."""
    arguments = approval["decision"]["arguments"]
    claims = {
        "jti": f"receipt of {approval['id']}",
        "sub": approval["id"],
        "item": 0,
        "action": approval["action"],
        "verdict": approval["decision"]["verdict"],
        "arguments_hash": None if arguments is None else arguments_hash(arguments),
        "iat": 1_700_000_000,
        "exp": 4_000_000_000,
    }
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.c2ln"


def _consume(server: Loopback, approval: Json, wanted: Json) -> None:
    arguments = (approval["decision"] or {}).get("arguments")
    if approval["status"] != "approved" or arguments is None:
        raise Refusal(409, "Not approved", refusal="not_approved")
    if wanted["arguments_hash"] != arguments_hash(arguments):
        raise Refusal(409, "Other arguments", refusal="arguments_differ")
    if approval["id"] in server.consumed:
        raise Refusal(409, "Used already", refusal="consumed", consumed_by="key bot")
    server.consumed[approval["id"]] = wanted["arguments_hash"]
