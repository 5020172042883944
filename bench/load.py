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


class _Senders:
    """What the connections of one load share: when the next request is due, and what came of all."""

    def __init__(self, running: Product, seconds: float, spans_per_second: float) -> None:
        self.load = Load()
        self.started = time.perf_counter()
        self._port = running.port
        self._seconds, self._pace = seconds, spans_per_second
        self._due = self.started
        self._guard = threading.Lock()

    def _next_due(self, request: Request) -> float:
        with self._guard:
            due = self._due
            self._due += request.spans / self._pace
            return due

    def connection(self, work: Sequence[Request]) -> None:
        """Sends over one connection until the time is over or nothing is left, over another one when told to."""
        left = iter(work)
        while self._over_one_connection(left):
            pass

    def _over_one_connection(self, left: Iterator[Request]) -> bool:
        """Whether the server closed it and there is more to send."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=60) as wire:
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for request in left:
                if time.perf_counter() - self.started >= self._seconds:
                    break
                at = self._next_due(request) if self._pace else time.perf_counter()
                time.sleep(max(at - time.perf_counter(), 0))
                wire.sendall(request.wire)
                status, closing = _answer(wire)
                self._count(request, status, time.perf_counter() - at)
                if closing:
                    return True
        return False

    def _count(self, request: Request, status: int, took: float) -> None:
        with self._guard:
            self.load.latencies.append(took)
            self.load.spans += request.spans if 200 <= status < 300 else 0
            self.load.plain_bytes += request.plain_bytes if 200 <= status < 300 else 0
            self.load.refused += not 200 <= status < 300


def run(
    running: Product, prepared: Sequence[Request], *, seconds: float, connections: int, spans_per_second: float = 0.0
) -> Load:
    """Sends until the time is over or nothing is left. With a pace, requests are sent on time, not on answer:

    a late answer then counts with the time that its request had to wait for a free connection. Each connection is an
    exporter of its own, which sends its part of the requests one after the other: no two of them are at once in the
    middle of the same trace, as no two processes are.
    """
    senders = _Senders(running, seconds, spans_per_second)
    part = -(-len(prepared) // connections)
    threads = [
        threading.Thread(target=senders.connection, args=[prepared[place * part : (place + 1) * part]])
        for place in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    senders.load.seconds = time.perf_counter() - senders.started
    return senders.load


def _answer(wire: socket.socket) -> tuple[int, bool]:
    """The status of the next answer, which is read to its end, and whether the connection ends with it."""
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
    return int(lines[0].split()[1]), b"connection: close" in lines
