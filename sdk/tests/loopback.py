"""A Handrail on a loopback port, made of the standard library: the wire contract, and faults on demand.

The state outlives the listener, so that a test can stop the server and start it again on the same port.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from answers import Refusal, decided, made, post, read

KEY = "hr_test"
Json = dict[str, Any]


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
        self.traces: list[Json] = []
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
        approval = made(wanted)
        approval["url"] = f"{self.url}/p/default/queue/{approval['id']}/"
        self.approvals[approval["id"]] = approval
        self.on_create(approval)
        self.changed.notify_all()
        return approval

    def decide(self, approval_id: str, verdict: str, item: int = 0, **decision: Any) -> None:
        with self.changed:
            decided(self.approvals[approval_id], verdict, item, decision)
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
                return 200, read(self.loopback, seen), {}
        if seen.path == "/v1/traces":
            if seen.headers.get("content-encoding") == "gzip":
                seen.body = gzip.decompress(seen.body)
            return 200, {}, {}
        with self.loopback.changed:
            return post(self.loopback, seen)

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
