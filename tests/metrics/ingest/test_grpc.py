"""OTLP over gRPC: the same intake, in gRPC's words."""

import asyncio
import base64
import gzip
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
import zstandard
from django.db import OperationalError, connections
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from agents.models import ApiKey
from agents.permissions import Scope
from console.lib import clock
from metrics.api import intake, otlp_grpc
from metrics.ingest import pipeline
from metrics.models import Log, Point, Span
from tests.exporting import send_all
from tests.metrics.ingest import payloads
from tests.metrics.ingest.conftest import Sender
from tests.metrics.ingest.payloads import span
from tests.waiting import eventually

ONE = payloads.traces([span(1)])
Metadata = tuple[tuple[str, str], ...]


class Door:
    """A server in a thread of its own, and a client."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.server, self.port = self._run(self._open())
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")

    async def _open(self) -> tuple[grpc.aio.Server, int]:
        server = otlp_grpc.server()
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        return server, port

    def _run(self, step: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(step, self._loop).result(30)

    def stop(self, grace: float) -> "Future[None]":
        """Begins to stop; the future is done once requests in flight have ended."""
        return asyncio.run_coroutine_threadsafe(self.server.stop(grace), self._loop)

    def close(self) -> None:
        self.channel.close()
        self.stop(0).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    def call(self, signal: str, body: bytes, metadata: Metadata, **options: Any) -> Any:
        """Export of one signal, under way."""
        export: Any = self.channel.unary_unary(f"/{otlp_grpc.SERVICES[signal]}/Export")
        return export.future(body, metadata=metadata, timeout=30, **options)


@pytest.fixture
def door(sender: Sender, settings: Any) -> Iterator[Door]:
    opened = Door()
    yield opened
    opened.close()
    connections.close_all()


Export = Callable[..., bytes]


@pytest.fixture
def export(door: Door, sender: Sender) -> Export:
    def call(body: bytes, signal: str = "traces", metadata: Metadata | None = None, **options: Any) -> bytes:
        known = (("authorization", f"Bearer {sender.key}"),)
        answer: bytes = door.call(signal, body, known if metadata is None else metadata, **options).result()
        return answer

    return call


def refusal(export: Export, *args: Any, **options: Any) -> tuple[str, str, int | None]:
    """Status, message and after how many seconds to try again."""
    with pytest.raises(grpc.RpcError) as refused:
        export(*args, **options)
    error: Any = refused.value
    trailing = dict(error.trailing_metadata())
    detailed = Status.FromString(trailing["grpc-status-details-bin"])
    assert (detailed.code, detailed.message) == (error.code().value[0], error.details())
    retry = None
    for detail in detailed.details:
        info = RetryInfo()
        assert detail.Unpack(info)
        assert RetryInfo.FromString(trailing["google.rpc.retryinfo-bin"]) == info
        retry = info.retry_delay.seconds
    return error.code().name, error.details(), retry


def stored(sender: Sender) -> int:
    return Span.objects.filter(project_id=sender.project.pk).count()


def test_spans_logs_and_metrics_are_stored(export: Export, sender: Sender) -> None:
    assert export(ONE) == b""
    assert export(payloads.logs([("INFO", "hello")]), "logs") == b""
    assert export(b"", "metrics") == b""
    assert (stored(sender), Log.objects.filter(project_id=sender.project.pk).count()) == (1, 1)


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_what_grpc_compresses_is_unfolded(export: Export, sender: Sender, compression: grpc.Compression) -> None:
    assert export(payloads.traces([span(1, note="x" * 5_000)]), compression=compression) == b""
    assert stored(sender) == 1


@pytest.mark.parametrize("squeeze", [gzip.compress, zlib.compress, zstandard.compress, bytes])
def test_the_compression_is_seen_in_the_message(export: Export, sender: Sender, squeeze: Callable[..., bytes]) -> None:
    assert export(squeeze(ONE)) == b""
    assert stored(sender) == 1


@pytest.mark.parametrize(
    "form",
    [
        ("authorization", "Bearer {}"),
        ("authorization", "bearer {}"),
        ("authorization", "{}"),
        ("authorization", "Basic"),
        ("x-api-key", "{}"),
        ("api_key", "{}"),
    ],
)
def test_every_form_of_credentials_works(export: Export, sender: Sender, form: tuple[str, str]) -> None:
    name, value = form
    value = value.format(sender.key)
    if value == "Basic":
        value = "Basic " + base64.b64encode(f"pk-lf-public:{sender.key}".encode()).decode()
    assert export(ONE, metadata=((name, value),)) == b""


def test_strangers_and_readers_are_refused(export: Export, sender: Sender, new_sender: Callable[..., Sender]) -> None:
    assert refusal(export, ONE, metadata=())[0] == "UNAUTHENTICATED"
    assert refusal(export, ONE, metadata=(("x-api-key", "hr_wrong"),))[0] == "UNAUTHENTICATED"
    reader = new_sender("reader", scopes=(Scope.TELEMETRY_READ,))
    code, message, retry = refusal(export, ONE, metadata=(("x-api-key", reader.key),))
    assert (code, retry) == ("PERMISSION_DENIED", None)
    assert "telemetry:write" in message
    assert stored(sender) == stored(reader) == 0


def test_a_key_is_used_from_its_networks_only(export: Export, sender: Sender) -> None:
    ApiKey.objects.update(allowed_networks=["10.0.0.0/8"])
    assert refusal(export, ONE)[0] == "UNAUTHENTICATED"
    ApiKey.objects.update(allowed_networks=["127.0.0.0/8"])
    assert export(ONE) == b""


@pytest.mark.parametrize(
    "body", [b"\xff\xff\xff", payloads.logs([("", "hello")]), gzip.compress(ONE, mtime=0)[:-9], b"\x1f\x8bnonsense"]
)
def test_what_cannot_be_read_is_an_invalid_argument(export: Export, sender: Sender, body: bytes) -> None:
    code, _message, retry = refusal(export, body)
    assert (code, retry, stored(sender)) == ("INVALID_ARGUMENT", None, 0)


def test_what_is_refused_of_a_batch_is_told_with_the_reason(export: Export, sender: Sender) -> None:
    partial = ExportTraceServiceResponse.FromString(export(payloads.traces([span(1), span(0)]))).partial_success
    assert (partial.rejected_spans, partial.error_message) == (1, "span id is all zeros (1)")
    assert stored(sender) == 1
    body = payloads.logs([("INFO", "hello")]).replace(payloads.NOW_NS.to_bytes(8, "little"), bytes(8))
    lost = ExportLogsServiceResponse.FromString(export(body, "logs")).partial_success
    assert lost.rejected_log_records == 1


def test_a_bomb_exhausts_nothing_but_the_patience_with_its_sender(export: Export, settings: Any) -> None:
    settings.OTLP_MAX_BODY = 1_000_000
    code, message, retry = refusal(export, bytes(50_000_000), compression=grpc.Compression.Gzip)
    assert (code, retry) == ("RESOURCE_EXHAUSTED", None)
    assert "1000000 bytes" in message
    assert intake.budget.used == 0


def test_a_message_over_the_limit_is_refused_without_being_taken_in(sender: Sender, settings: Any) -> None:
    settings.OTLP_MAX_COMPRESSED = 100_000
    opened = Door()
    try:
        call = opened.call("traces", bytes(100_001), (("x-api-key", sender.key),))
        assert call.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    finally:
        opened.close()


def test_too_many_requests_are_told_when_to_come_back(export: Export, settings: Any) -> None:
    settings.RATE_LIMIT_PER_KEY = 1
    for _ in range(10):
        assert export(ONE) == b""
    code, _message, retry = refusal(export, ONE)
    assert code == "RESOURCE_EXHAUSTED"
    assert retry is not None
    assert 1 <= retry <= 10


def test_more_bytes_than_the_budget_are_to_be_sent_again(export: Export, sender: Sender, settings: Any) -> None:
    settings.INGEST_MAX_IN_FLIGHT = len(ONE) - 1
    assert refusal(export, ONE) == ("UNAVAILABLE", "Too much is being stored at once.", 1)
    settings.INGEST_MAX_IN_FLIGHT = len(ONE) + intake.ROW_BYTES
    assert export(ONE) == b""
    assert intake.budget.used == 0


def test_when_the_database_is_away_the_sender_is_told_to_come_back(
    export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: object) -> None:
        raise OperationalError("the server closed the connection unexpectedly")

    monkeypatch.setattr(pipeline, "submit_spans", away)
    code, message, retry = refusal(export, ONE)
    assert (code, retry) == ("UNAVAILABLE", 5)
    assert "closed" not in message


def test_a_stopping_server_finishes_what_is_in_flight(
    door: Door, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived, go_on = threading.Event(), threading.Event()
    prepare = pipeline.prepare_spans

    def slow(*args: Any, **named: Any) -> Any:
        arrived.set()
        assert go_on.wait(20)
        return prepare(*args, **named)

    monkeypatch.setattr(pipeline, "prepare_spans", slow)
    answer = door.call("traces", ONE, (("x-api-key", sender.key),))
    assert arrived.wait(20)
    stopping = door.stop(20)
    go_on.set()
    assert answer.result() == b""
    stopping.result(30)
    assert stored(sender) == 1


def test_a_sender_that_leaves_takes_nothing_back(door: Door, sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    arrived, go_on = threading.Event(), threading.Event()
    submit = pipeline.submit_spans

    def slow(*args: Any) -> Any:
        arrived.set()
        assert go_on.wait(20)
        return submit(*args)

    monkeypatch.setattr(pipeline, "submit_spans", slow)
    answer = door.call("traces", ONE, (("x-api-key", sender.key),))
    assert arrived.wait(20)
    answer.cancel()
    assert intake.budget.used > 0
    go_on.set()
    eventually(lambda: stored(sender) == 1)
    eventually(lambda: intake.budget.used == 0)


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:127.0.0.1:36358", "127.0.0.1"),
        ("ipv6:%5B::1%5D:36358", "::1"),
        ("ipv6:[2001:db8::7]:36358", "2001:db8::7"),
        ("unix:/run/somewhere", ""),
    ],
)
def test_addresses_are_read_out_of_grpcs_notation(peer: str, address: str) -> None:
    assert otlp_grpc.address_of(peer) == address


def test_no_export_request_looks_compressed(at_recording: datetime) -> None:
    for body in (b"", ONE, payloads.logs([("INFO", "x")])):
        assert otlp_grpc.encoding_of(body) == ""


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_what_opentelemetrys_exporters_send_is_stored(
    door: Door, sender: Sender, monkeypatch: pytest.MonkeyPatch, compression: grpc.Compression
) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC))
    send_all(f"http://127.0.0.1:{door.port}", sender.key, compression)
    call = Span.objects.get(project_id=sender.project.pk)
    assert (call.kind, call.model, call.service) == ("llm", "gpt-4o-mini", "exporting")
    assert Log.objects.get(project_id=sender.project.pk).trace_id == call.trace_id
    names = set(Point.objects.filter(project_id=sender.project.pk).values_list("name", flat=True))
    assert "calls" in names
