"""Requests that mean harm: refused with a reason, in bounded memory and time, and nothing of them half-written."""

import gzip
import zlib
from collections.abc import Callable
from typing import Any

import orjson
import pytest
import zstandard
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from metrics.api import intake
from metrics.ingest import weight
from metrics.models import Log, Point, Span, Trace
from metrics.selectors import details
from tests.metrics.ingest import payloads, wire
from tests.metrics.ingest.conftest import Reply, Sender
from tests.metrics.ingest.payloads import NOW_NS, span

TRACES, LOGS, METRICS = "/v1/traces", "/v1/logs", "/v1/metrics"
JSON = "application/json"
MEGABYTE = 1024 * 1024
# What any one request may make of the memory of its process: a body of 64 MB unfolded, decoded and written again.
MOST_MEGABYTES = 480
GZIP = {"content-encoding": "gzip"}


def squeezed(body: bytes) -> bytes:
    return gzip.compress(body, 1)


def refusals(reply: Reply) -> str:
    """Why rows of a request in protobuf were refused, or why all of it was."""
    if reply.status == 200:
        return ExportTraceServiceResponse.FromString(reply.body).partial_success.error_message
    return str(Status.FromString(reply.body).message)


def json_refusals(reply: Reply) -> str:
    answer = orjson.loads(reply.body)
    return str(answer["partialSuccess"]["errorMessage"] if reply.status == 200 else answer["message"])


@pytest.fixture
def unharmed(sender: Sender) -> Any:
    """After the test: nothing was stored, no memory is held, and the next sender is served."""
    yield
    for model in (Span, Trace, Log, Point):
        assert not model.objects.filter(project_id=sender.project.pk).exists(), model
    assert intake.budget.used == 0
    assert sender.post(TRACES, payloads.traces([span(77)])).body == b""
    assert Span.objects.filter(project_id=sender.project.pk).count() == 1


def gzip_bomb(size: int) -> bytes:
    return squeezed(bytes(size))


def deflate_bomb(size: int) -> bytes:
    return zlib.compress(bytes(size), 1)


def zstd_bomb(size: int) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(bytes(size))


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize(("encoding", "bomb"), [("gzip", gzip_bomb), ("deflate", deflate_bomb), ("zstd", zstd_bomb)])
def test_bombs_are_unfolded_no_further_than_the_limit(
    sender: Sender, encoding: str, bomb: Callable[[int], bytes]
) -> None:
    body = bomb(256 * MEGABYTE)
    with wire.Memory() as used:
        reply = sender.post(TRACES, body, headers={"content-encoding": encoding})
    assert (reply.status, refusals(reply)) == (413, f"The decompressed body is larger than {64 * MEGABYTE} bytes.")
    assert used.megabytes < 200


# As little as possible on the wire, as much as possible once it is decoded.
SWARMS: dict[str, Callable[[], bytes]] = {
    "resources": lambda: wire.field(1, b"") * 30_000_000,
    "scopes": lambda: wire.field(1, wire.field(2, b"") * 30_000_000),
    "spans": lambda: wire.request(wire.field(2, b"") * 30_000_000),
    "attributes": lambda: wire.request(wire.span(wire.field(9, b"") * 20_000_000)),
    "events": lambda: wire.request(wire.span(wire.field(11, b"") * 20_000_000)),
    "elements": lambda: wire.request(wire.span(wire.list_attribute(b"a", wire.field(1, b"") * 20_000_000))),
}


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("swarm", SWARMS)
def test_swarms_of_empty_parts_are_counted_before_they_are_decoded(sender: Sender, swarm: str) -> None:
    body = squeezed(SWARMS[swarm]())
    with wire.Memory() as used:
        reply = sender.post(TRACES, body, headers=GZIP)
    assert (reply.status, refusals(reply)) == (413, "more than 1000000 fields in one request")
    assert used.megabytes < MOST_MEGABYTES


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("part", [b"[],", b"{},", b'{"a":1},'])
def test_swarms_in_json_are_counted_before_they_are_decoded(sender: Sender, part: bytes) -> None:
    body = squeezed(b'{"resourceSpans":[' + part * (60 * MEGABYTE // len(part)) + b"{}]}")
    with wire.Memory() as used:
        reply = sender.post(TRACES, body, content_type=JSON, headers=GZIP)
    assert (reply.status, json_refusals(reply)) == (
        413, "more than 3000000 braces, brackets and commas in one request"
    )  # fmt: skip
    assert used.megabytes < MOST_MEGABYTES


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize(
    ("path", "row"),
    [
        (TRACES, wire.field(2, b"")),
        (LOGS, wire.field(2, wire.fixed(1, NOW_NS))),
        (METRICS, wire.field(2, wire.field(1, b"m") + wire.field(5, wire.field(1, wire.fixed(3, NOW_NS)) * 2))),
    ],
)
def test_more_rows_than_a_request_may_have_are_a_413(sender: Sender, path: str, row: bytes) -> None:
    reply = sender.post(path, squeezed(wire.request(row * 50_001)), headers=GZIP)
    assert (reply.status, refusals(reply)) == (413, "more than 50000 rows, scopes and resources in one request")


@pytest.mark.usefixtures("unharmed")
def test_more_points_of_one_metric_than_a_request_may_have_are_a_413(sender: Sender) -> None:
    metric = wire.field(1, b"m") + wire.field(5, wire.field(1, wire.fixed(3, NOW_NS)) * 50_001)
    assert sender.post(METRICS, wire.request(wire.field(2, metric))).status == 413
    point = {"timeUnixNano": str(NOW_NS), "asInt": "1"}
    body = {
        "resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "m", "gauge": {"dataPoints": [point] * 50_001}}]}]}]
    }
    assert sender.post(METRICS, orjson.dumps(body), content_type=JSON).status == 413


@pytest.mark.usefixtures("unharmed")
def test_a_million_attributes_refuse_their_span(sender: Sender) -> None:
    crowd = b"".join(wire.field(9, wire.field(1, b"%x" % number)) for number in range(450_000))
    with wire.Memory() as used:
        reply = sender.post(TRACES, squeezed(wire.request(wire.span(crowd))), headers=GZIP)
    assert (reply.status, refusals(reply)) == (200, "more than 10000 attributes (1)")
    assert used.megabytes < MOST_MEGABYTES
    assert sender.post(TRACES, wire.request(wire.span(wire.field(9, wire.field(1, b"a")) * 1_000_000))).status == 413
    pairs = b",".join([b'{"key":"a"}'] * 1_000_000)
    head = b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%032x","spanId":"%016x","attributes":[' % (1, 1)
    reply = sender.post(TRACES, head + pairs + b"]}]}]}]}", content_type=JSON)
    assert (reply.status, json_refusals(reply)) == (200, "more than 10000 attributes (1)")


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("lists", [True, False])
def test_values_ten_thousand_levels_deep_refuse_the_body(sender: Sender, lists: bool) -> None:
    reply = sender.post(TRACES, wire.request(wire.span(wire.nested(10_000, lists=lists))))
    assert (reply.status, refusals(reply).partition(":")[0]) == (400, "not a valid KeyValue")
    reply = sender.post(TRACES, wire.request(wire.span(wire.nested(49, lists=lists))))
    assert reply.status == 400 or "nested deeper" in refusals(reply)


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"resourceSpans":[', b'{"arrayValue":{"values":['])
def test_json_nested_a_hundred_thousand_times_is_a_400(sender: Sender, opening: bytes) -> None:
    reply = sender.post(TRACES, opening * 100_000, content_type=JSON)
    assert (reply.status, json_refusals(reply).partition(":")[0]) == (400, "not valid JSON")


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"a":' * 100_000 + b"NaN", b'"' * 100_000, b"\\" * 100_000])
def test_json_inside_of_text_may_be_nested_as_it_likes(sender: Sender, text: bytes) -> None:
    inside = wire.text_attribute(b"input.value", text) + wire.text_attribute(b"metadata", text)
    assert sender.post(TRACES, wire.request(wire.span(inside))).body == b""
    found = Span.objects.get(project_id=sender.project.pk)
    assert details.contents([found])[0]["input"] == text.decode()


def test_one_text_of_sixty_four_megabytes(sender: Sender) -> None:
    def sized(megabytes: int) -> bytes:
        return squeezed(wire.request(wire.span(wire.text_attribute(b"a", b"x" * (megabytes * MEGABYTE))) + SMALL))

    with wire.Memory() as used:
        over = sender.post(TRACES, sized(64), headers=GZIP)
        under = sender.post(TRACES, sized(63), headers=GZIP)
    assert (over.status, under.status) == (413, 200)
    assert refusals(under) == "larger than 16777216 bytes (1)"
    assert used.megabytes < MOST_MEGABYTES
    assert sender.post(TRACES, bytes(64 * MEGABYTE)).status == 413
    assert list(Span.objects.filter(project_id=sender.project.pk).values_list("name", flat=True)) == ["x"]


SMALL = wire.span(number=2)


@pytest.mark.usefixtures("unharmed")
def test_a_body_cut_off_anywhere_is_refused_or_stores_nothing_of_what_is_missing(sender: Sender) -> None:
    whole = wire.request(wire.span(wire.text_attribute(b"gen_ai.operation.name", b"chat")))
    for size in range(1, len(whole)):
        assert sender.post(TRACES, whole[:size]).status == 400, size
    text = b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%032x","spanId":"%016x"}]}]}]}' % (1, 1)
    for size in range(1, len(text)):
        assert sender.post(TRACES, text[:size], content_type=JSON).status == 400, size


def test_weighing_follows_every_field_that_holds_others() -> None:
    flat = wire.request(wire.span() * 3)
    # A resource, a scope, and of each span itself, two ids, the name and two times.
    assert weight._parts(flat, weight.TRACES) == 2 + 3 * 6
    exponential = wire.field(10, wire.field(1, wire.field(8, wire.field(2, bytes(1_000)))))
    assert weight._parts(wire.request(wire.field(2, exponential)), weight.METRICS) == 2 + 1 + 1 + 1 + 1 + 1 + 1_000
    for broken in (b"\x0a", b"\x0a\xff", b"\x80" * 40, b"\x0b\x0b", b"\x0a\x05ab", wire.nested(3, lists=True)[:-1]):
        assert weight._parts(broken, weight.TRACES) <= 3
