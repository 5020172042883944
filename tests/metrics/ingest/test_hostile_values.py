"""Rows with values that no SDK sends: each refused by itself with a reason, or kept as far as there is room for it."""

import asyncio
import time
from typing import Any

import orjson
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from metrics.ingest.lineage import Node, standings
from metrics.models import Log, Point, Span, Trace
from metrics.selectors import details
from tests.metrics.ingest import payloads, wire
from tests.metrics.ingest.conftest import PROTOBUF, Reply, Sender, call
from tests.metrics.ingest.payloads import NOW_NS, model_call, span
from tests.metrics.ingest.test_counting import figures, rebuilt

TRACES, LOGS, METRICS = "/v1/traces", "/v1/logs", "/v1/metrics"
JSON = "application/json"
BAD_UTF8 = b"caf\xe9 \xff\xfe"


def refused(reply: Reply) -> str:
    assert reply.status == 200, reply.body
    return ExportTraceServiceResponse.FromString(reply.body).partial_success.error_message


def spans_of(sender: Sender) -> list[Span]:
    return list(Span.objects.filter(project_id=sender.project.pk).order_by("span_id"))


@pytest.mark.parametrize(
    "body",
    [
        wire.request(wire.span(wire.field(5, BAD_UTF8))),
        wire.request(wire.span(wire.text_attribute(b"a", BAD_UTF8))),
        wire.request(wire.span(wire.text_attribute(BAD_UTF8, b"a"))),
        wire.request(wire.span(wire.field(11, wire.field(2, BAD_UTF8)))),
        wire.request(wire.span(wire.field(15, wire.field(2, BAD_UTF8)))),
        wire.request(wire.span(wire.list_attribute(b"a", wire.field(1, wire.field(1, BAD_UTF8))))),
        wire.field(1, wire.field(2, wire.field(1, wire.field(1, BAD_UTF8)) + wire.span())),
        wire.field(1, wire.field(1, wire.field(1, wire.field(1, BAD_UTF8))) + wire.field(2, wire.span())),
    ],
    ids=["name", "value", "key", "event", "status", "list", "scope", "resource"],
)
def test_text_that_is_not_utf8_is_a_400_wherever_it_is(sender: Sender, body: bytes) -> None:
    assert sender.post(TRACES, body).status == 400
    assert spans_of(sender) == []


@pytest.mark.parametrize("text", [BAD_UTF8, b"\\ud800", b"\\udc00\\ud800", b"\x00", b"\x1f"])
def test_json_that_is_no_unicode_is_a_400(sender: Sender, text: bytes) -> None:
    head = b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%032x","spanId":"%016x","name":"' % (1, 1)
    assert sender.post(TRACES, head + text + b'"}]}]}]}', content_type=JSON).status == 400


NUL = "a\0b"
NUL_PAIR = {"key": NUL, "value": {"stringValue": NUL}}
NUL_SOURCE = {"attributes": [NUL_PAIR, {"key": "service.name", "value": {"stringValue": NUL}}]}
NUL_SCOPE = {"name": NUL, "version": NUL, "attributes": [NUL_PAIR]}


def test_nul_characters_anywhere_in_a_log_record_fail_nothing(sender: Sender) -> None:
    record = {
        "timeUnixNano": str(NOW_NS), "severityText": NUL, "eventName": NUL, "body": {"stringValue": NUL},
        "attributes": [NUL_PAIR, {"key": "n", "value": {"kvlistValue": {"values": [NUL_PAIR]}}}],
    }  # fmt: skip
    body = {"resourceLogs": [{"resource": NUL_SOURCE, "scopeLogs": [{"scope": NUL_SCOPE, "logRecords": [record]}]}]}
    assert sender.post(LOGS, orjson.dumps(body), content_type=JSON).body == b"{}"
    found = Log.objects.get(project_id=sender.project.pk)
    assert (found.body, found.severity_text, found.event_name, found.service) == ("ab",) * 4


def test_nul_characters_anywhere_in_a_metric_fail_nothing(sender: Sender) -> None:
    point = {"timeUnixNano": str(NOW_NS), "asDouble": 1.5, "attributes": [NUL_PAIR]}
    metric = {"name": NUL, "unit": NUL, "gauge": {"dataPoints": [point]}}
    body = {"resourceMetrics": [{"resource": NUL_SOURCE, "scopeMetrics": [{"scope": NUL_SCOPE, "metrics": [metric]}]}]}
    assert sender.post(METRICS, orjson.dumps(body), content_type=JSON).body == b"{}"
    found = Point.objects.get(project_id=sender.project.pk)
    assert (found.name, found.unit, found.service) == ("ab", "ab", "ab")


@pytest.mark.parametrize("parent", [b"\1", b"\1" * 7, b"\1" * 9, b"\1" * 400])
def test_a_parent_that_is_no_id_refuses_only_its_span(sender: Sender, parent: bytes) -> None:
    # Rows are packed for the database by hand: bytes too many would have been read as further columns, and rows.
    spans = [span(1), span(2) | {"parent_span_id": parent}, span(3)]
    assert refused(sender.post(TRACES, payloads.traces(spans))) == "parent span id is not 8 bytes (1)"
    assert [found.name for found in spans_of(sender)] == ["span 1", "span 3"]


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        (2**64 - 1, 2**64 - 1, "time out of range"),
        (2**63, 0, "time out of range"),
        (NOW_NS, 2**64 - 1, "time out of range"),
        (2**63 - 1, 2**63 - 1, "start time too far in the future"),
        (NOW_NS, 2**63 - 1, "end time too far in the future"),
        (1, 2**63 - 1, "start time too old"),
        (0, 0, "start time too old"),
    ],
)
def test_times_at_the_ends_are_refused_with_the_reason(sender: Sender, start: int, end: int, reason: str) -> None:
    odd = span(2) | {"start_ns": start, "end_ns": end}
    assert refused(sender.post(TRACES, payloads.traces([span(1), odd]))) == f"{reason} (1)"
    text = {"traceId": f"{1:032x}", "spanId": f"{3:016x}", "startTimeUnixNano": str(start), "endTimeUnixNano": end}
    reply = sender.post(
        TRACES, orjson.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [text]}]}]}), content_type=JSON
    )
    assert orjson.loads(reply.body)["partialSuccess"]["errorMessage"] == f"{reason} (1)"
    assert len(spans_of(sender)) == 1


@pytest.mark.parametrize("time_ns", [-1, 2**64, "-1", "1" * 20, "9" * 21, 1e30, "1e3", "٣", "", True, [], {}])
def test_times_in_json_that_are_no_times_store_nothing(sender: Sender, time_ns: Any) -> None:
    text = {"traceId": f"{1:032x}", "spanId": f"{1:016x}", "startTimeUnixNano": time_ns}
    try:
        body = orjson.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [text]}]}]})
    except TypeError:
        body = b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":%d}]}]}]}' % time_ns
    reply = sender.post(TRACES, body, content_type=JSON)
    assert reply.status == 400 or "partialSuccess" in orjson.loads(reply.body)
    assert spans_of(sender) == []


def test_a_span_that_ends_before_it_begins_took_no_time(sender: Sender) -> None:
    backwards = span(1) | {"end_ns": NOW_NS - 3_600 * 10**9}
    assert sender.post(TRACES, payloads.traces([backwards])).body == b""
    assert [found.duration_ns for found in spans_of(sender)] == [0]
    assert Trace.objects.get(project_id=sender.project.pk).duration_ns == 0


def test_of_a_key_that_comes_twice_the_last_one_stays(sender: Sender) -> None:
    twice = wire.text_attribute(b"a", b"first") + wire.text_attribute(b"a", b"last")
    assert sender.post(TRACES, wire.request(wire.span(twice))).body == b""
    assert details.contents(spans_of(sender))[0]["attributes"]["a"] == "last"


@pytest.mark.parametrize("tokens", [2**63 - 1, -(2**63), 10**12])
def test_absurd_counts_of_tokens_count_nothing(sender: Sender, tokens: int) -> None:
    sender.post(TRACES, payloads.traces([model_call(1, 0) | {"attributes": {
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": tokens,
        "gen_ai.usage.output_tokens": 5}}]))  # fmt: skip
    trace = Trace.objects.get(project_id=sender.project.pk)
    assert (trace.input_tokens, trace.output_tokens) == (0, 5)


@pytest.mark.parametrize("usd", [10_001, 1e12, "1e300"])
def test_an_absurd_cost_is_none(sender: Sender, usd: float | str) -> None:
    sender.post(TRACES, payloads.traces([model_call(1, 0) | {"attributes": {
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "nobody-knows", "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.cost": usd}}]))  # fmt: skip
    trace = Trace.objects.get(project_id=sender.project.pk)
    assert (trace.cost_nanos, trace.unpriced_count) == (0, 1)


def test_counts_and_numbers_at_the_ends_of_their_types_are_points(sender: Sender) -> None:
    whole = [2**63 - 1, -(2**63)]
    odd = ["NaN", "Infinity", "-Infinity", 1e308]
    time_ns = {"timeUnixNano": str(NOW_NS)}
    histogram = {
        "count": str(2**64 - 1),
        "sum": "NaN",
        "bucketCounts": [str(2**64 - 1)] * 2,
        "explicitBounds": ["Infinity"],
    }
    metrics = [{"name": f"whole {n}", "sum": {"dataPoints": [time_ns | {"asInt": str(n)}]}} for n in whole]
    metrics += [{"name": f"odd {n}", "gauge": {"dataPoints": [time_ns | {"asDouble": n}]}} for n in odd]
    metrics += [{"name": "histogram", "histogram": {"dataPoints": [time_ns | histogram]}}]
    body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}
    reply = sender.post(METRICS, orjson.dumps(body), content_type=JSON)
    assert (reply.status, reply.body) == (200, b"{}")
    assert Point.objects.filter(project_id=sender.project.pk).count() == len(metrics)


def test_log_records_and_points_at_the_ends_of_time_are_refused(sender: Sender) -> None:
    record = wire.field(2, wire.fixed(1, 2**64 - 1))
    reply = sender.post(LOGS, wire.request(record))
    logs = ExportLogsServiceResponse.FromString(reply.body).partial_success
    assert (logs.rejected_log_records, logs.error_message) == (1, "time out of range (1)")
    point = wire.field(2, wire.field(1, b"m") + wire.field(5, wire.field(1, wire.fixed(3, 2**63))))
    points = ExportMetricsServiceResponse.FromString(sender.post(METRICS, wire.request(point)).body).partial_success
    assert (points.rejected_data_points, points.error_message) == (1, "time out of range (1)")


def test_spans_that_are_their_own_ancestors_are_kept_and_counted_as_a_rebuild_counts(sender: Sender) -> None:
    own_parent = model_call(1, 100, parent=1)
    circle = [model_call(2, 100, parent=4), model_call(3, 200, parent=2), model_call(4, 300, parent=3)]
    below = model_call(5, 400, parent=4)
    for part in ([own_parent, circle[0]], [circle[1], below], [circle[2]]):
        assert sender.post(TRACES, payloads.traces(part)).body == b""
    assert len(spans_of(sender)) == 5
    assert figures(sender.project.pk) == rebuilt(sender.project.pk)


def chain(length: int) -> list[Node]:
    """Each span below the one before; the first names an agent, the last used tokens, and so did the first."""
    ids = [number.to_bytes(8, "big") for number in range(1, length + 1)]
    inner = [Node(ids[n], n, ids[n - 1], "chain", None, None, None) for n in range(1, length - 1)]
    first = Node(ids[0], 0, None, "agent", 10, 1, None, "planner", "7")
    return [first, *inner, Node(ids[-1], length, ids[-2], "llm", 10, 1, None)]


def test_a_chain_of_twenty_thousand_parents_takes_time_in_proportion() -> None:
    def seconds(length: int) -> float:
        nodes = chain(length)
        began = time.process_time()
        found = standings(nodes[::-1])
        elapsed = time.process_time() - began
        assert [place for place, one in enumerate(found) if one.counted] == [0]
        assert {one.agent for one in found} == {"planner"}
        return elapsed

    short = min(seconds(2_000) for _ in range(3))
    assert min(seconds(20_000) for _ in range(2)) < 40 * short  # quadratic would be a hundred


def test_a_trace_takes_twenty_thousand_spans_and_refuses_the_rest_with_the_reason(sender: Sender) -> None:
    def part(numbers: range) -> bytes:
        return wire.request(
            b"".join(wire.span(wire.field(4, max(n - 1, 1).to_bytes(8, "big")), number=n) for n in numbers)
        )

    assert sender.post(TRACES, part(range(1, 15_001))).body == b""
    assert refused(sender.post(TRACES, part(range(15_001, 24_001)))) == "trace has 20000 spans (4000)"
    assert Trace.objects.get(project_id=sender.project.pk).span_count == 20_000
    # What is there already is no news, and no refusal.
    assert sender.post(TRACES, part(range(1, 101))).body == b""


@pytest.mark.parametrize(
    ("content_type", "status"),
    [("", 415), ("text/plain", 415), ("application/json; charset=utf-16", 400), ("application/x-protobuf;;", 200)],
)
def test_content_types_decide_how_a_body_is_read(sender: Sender, content_type: str, status: int) -> None:
    assert sender.post(TRACES, payloads.traces([span(1)]), content_type=content_type).status == status


def test_a_body_without_a_length_is_read_to_its_end(sender: Sender) -> None:
    sent = {"content-type": PROTOBUF, "authorization": f"Bearer {sender.key}", "transfer-encoding": "chunked"}
    reply = asyncio.run(call(TRACES, payloads.traces([span(1)]), headers=sent))
    assert (reply.status, len(spans_of(sender))) == (200, 1)


@pytest.mark.parametrize("length", ["-1", "1e9", "99999999999999999999", "0x10", "abc", "0"])
def test_a_length_that_is_none_is_not_believed(sender: Sender, length: str) -> None:
    reply = sender.post(TRACES, payloads.traces([span(1)]), headers={"content-length": length})
    assert (reply.status, len(spans_of(sender))) == (200, 1)
