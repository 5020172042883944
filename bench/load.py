"""OTLP requests over several connections, as fast as they are answered or at a given pace.

Requests are made before the clock starts and sent over bare sockets: what the load itself costs is taken from the
product, which shares the machine with it.
"""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bench.payloads import Body
from bench.product import Product


@dataclass
class Load:
    """What came of a load."""

    spans: int = 0
    plain_bytes: int = 0
    refused: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Spans a second."""
        return self.spans / self.seconds

    def latency_ms(self, share: float) -> float:
        """The latency below which a share of requests stayed."""
        ordered = sorted(self.latencies)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] * 1_000


@dataclass(frozen=True)
class Request:
    """A request as it goes over the wire, how many spans it holds, and their bytes in plain OTLP."""

    wire: bytes
    spans: int
    plain_bytes: int


def requests(running: Product, bodies: Iterator[Body], *, compressed: bool = False) -> list[Request]:
    """Ready-made requests with the product's key."""
    made = []
    for body in bodies:
        content = body.compressed() if compressed else body.content
        head = (
            f"POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1:{running.port}\r\nAuthorization: Bearer {running.key}\r\n"
            f"Content-Type: application/x-protobuf\r\nContent-Length: {len(content)}\r\n"
            + ("Content-Encoding: gzip\r\n" if compressed else "")
            + "\r\n"
        )
        made.append(Request(head.encode() + content, body.spans, len(body.content)))
    return made


def run(
    running: Product, prepared: Sequence[Request], *, seconds: float, connections: int, spans_per_second: float = 0.0
) -> Load:
    """Sends until the time is over or nothing is left. With a pace, requests are sent on time, not on answer:

    a late answer then counts with the time that its request had to wait for a free connection.
    """
    load, guard = Load(), threading.Lock()
    work = iter(prepared)
    started = time.perf_counter()
    due = [started]

    def following() -> tuple[Request, float] | None:
        with guard:
            request = next(work, None)
            if request is None:
                return None
            at = due[0]
            if spans_per_second:
                due[0] += request.spans / spans_per_second
            return request, at

    def one_connection() -> None:
        with socket.create_connection(("127.0.0.1", running.port), timeout=60) as wire:
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while time.perf_counter() - started < seconds:
                found = following()
                if found is None:
                    return
                request, at = found
                if spans_per_second:
                    time.sleep(max(at - time.perf_counter(), 0))
                else:
                    at = time.perf_counter()
                wire.sendall(request.wire)
                status = _answer(wire)
                with guard:
                    load.latencies.append(time.perf_counter() - at)
                    load.spans += request.spans if status == 200 else 0
                    load.plain_bytes += request.plain_bytes if status == 200 else 0
                    load.refused += status != 200

    threads = [threading.Thread(target=one_connection) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load.seconds = time.perf_counter() - started
    return load


def _answer(wire: socket.socket) -> int:
    """The status of the next answer, which is read to its end."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = wire.recv(65_536)
        if not part:
            raise ConnectionError("the server closed the connection")
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next((int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:")), 0)
    missing = length - len(body)
    while missing > 0:
        missing -= len(wire.recv(missing))
    return int(lines[0].split()[1])
