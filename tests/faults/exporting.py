"""Exporters with bookkeeping: which batch was acknowledged, and what the others were told.

As OpenTelemetry's do, they send a batch again that was answered with 503 or not at all, until they lose patience.
"""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench import payloads
from tests.e2e.running import Console

CONNECTIONS = 4
SPANS = 60
PAUSE_SECONDS = 0.1
PATIENCE_SECONDS = 60.0
ANSWER_SECONDS = 20.0
PATH = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

# No answer, stored, come back later: anything else would make an exporter throw the batch away.
HARMLESS = {0, 200, 503}

SpanKey = tuple[bytes, bytes]  # trace id, span id
# Sends one body and says how it was answered, in words of HTTP; 0 for no answer.
Wire = Callable[[bytes], int]
Opening = Callable[[Console], AbstractContextManager[Wire]]


@dataclass(frozen=True)
class Batch:
    """A request of its own spans."""

    content: bytes
    keys: frozenset[SpanKey]


def batches(count: int, *, seed: int, spans: int = SPANS) -> list[Batch]:
    """So many batches of the last hour. Another seed makes other traces, so no two tests share any."""
    made = payloads.bodies(count, batch=spans, end_ns=time.time_ns(), seconds=3_000.0, seed=seed)
    return [Batch(one.content, frozenset(_keys(one.content))) for one in made]


def _keys(content: bytes) -> Iterator[SpanKey]:
    for resource in ExportTraceServiceRequest.FromString(content).resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield span.trace_id, span.span_id


@contextmanager
def over_http(console: Console) -> Iterator[Wire]:
    """One connection, opened again when it breaks."""
    address = console.url.rpartition("/")[2]
    connection = http.client.HTTPConnection(address, timeout=ANSWER_SECONDS)
    headers = {"Authorization": f"Bearer {console.api_key}", "Content-Type": "application/x-protobuf"}

    def send(body: bytes) -> int:
        try:
            connection.request("POST", "/v1/traces", body, headers)
            answer = connection.getresponse()
            partial = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return 0
        assert answer.status != 200 or not partial, partial
        return answer.status

    try:
        yield send
    finally:
        connection.close()


@contextmanager
def over_grpc(console: Console) -> Iterator[Wire]:
    """One channel, which connects again by itself."""
    first_run = json.loads((Path(console.folder) / "first-run.json").read_text())
    again = [("grpc.max_reconnect_backoff_ms", 200), ("grpc.use_local_subchannel_pool", 1)]
    channel = grpc.insecure_channel(f"127.0.0.1:{first_run['otlp_grpc_port']}", options=again)
    export: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(PATH)
    metadata = (("authorization", f"Bearer {console.api_key}"),)

    def send(body: bytes) -> int:
        try:
            partial = export(body, metadata=metadata, timeout=ANSWER_SECONDS)
        except grpc.RpcError as error:
            # UNAVAILABLE is what a server says that asks to come back, and what stands for no server at all.
            return 503 if error.code() is grpc.StatusCode.UNAVAILABLE else int(error.code().value[0]) + 1_000
        assert not partial, partial
        return 200

    with channel:
        yield send


@dataclass
class Load:
    """Batches on their way over some connections at once."""

    console: Console
    batches: Sequence[Batch]
    opening: Opening = over_http
    connections: int = CONNECTIONS
    patience: float = PATIENCE_SECONDS
    acknowledged: list[Batch] = field(default_factory=list)
    given_up: list[Batch] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    _guard: threading.Condition = field(default_factory=threading.Condition)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> "Load":
        """Begins to send."""
        work = iter(self.batches)
        self._threads = [threading.Thread(target=self._export, args=(work,)) for _ in range(self.connections)]
        for thread in self._threads:
            thread.start()
        return self

    def wait_for(self, share: float) -> None:
        """Returns once that share of all batches is acknowledged or given up."""
        enough = int(share * len(self.batches))
        with self._guard:
            done = self._guard.wait_for(lambda: self._done >= enough, PATIENCE_SECONDS * 2)
        assert done, f"{self._done} of {enough} batches after {PATIENCE_SECONDS * 2} s, answers {self.answers}"

    def finish(self) -> None:
        """Waits for the end."""
        self.wait_for(1)
        for thread in self._threads:
            thread.join()

    @property
    def sending(self) -> bool:
        """Whether something has not been acknowledged or given up yet."""
        return self._done < len(self.batches)

    @property
    def _done(self) -> int:
        return len(self.acknowledged) + len(self.given_up)

    def _export(self, work: Iterator[Batch]) -> None:
        with self.opening(self.console) as send:
            while True:
                with self._guard:
                    batch = next(work, None)
                if batch is None:
                    return
                arrived = self._until_acknowledged(send, batch)
                with self._guard:
                    (self.acknowledged if arrived else self.given_up).append(batch)
                    self._guard.notify_all()

    def _until_acknowledged(self, send: Wire, batch: Batch) -> bool:
        deadline = time.monotonic() + self.patience
        while True:
            status = send(batch.content)
            with self._guard:
                self.answers[status] += 1
            if status == 200:
                return True
            if time.monotonic() > deadline:
                return False
            threading.Event().wait(PAUSE_SECONDS)


def send_all(console: Console, some: Sequence[Batch]) -> None:
    """Sends batches that must all be acknowledged at once."""
    load = Load(console, some).start()
    load.finish()
    assert (load.answers, load.given_up) == (Counter({200: len(some)}), [])
