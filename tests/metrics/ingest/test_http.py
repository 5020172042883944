"""OTLP over HTTP: what is refused, how, and that nothing is half-written."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from metrics.ingest import limits, pipeline
from metrics.models import Log, Span, Trace
from metrics.selectors import details
from tests.metrics.ingest import payloads
from tests.metrics.ingest.captures import RECORDED, recordings
from tests.metrics.ingest.conftest import Reply, Sender
from tests.metrics.ingest.payloads import NOW_NS, model_call, span

TRACES = "/v1/traces"


def status_of(reply: Reply) -> Status:
    assert reply.headers["content-type"] == "application/x-protobuf"
    return Status.FromString(reply.body)


def stored(sender: Sender) -> int:
    return Span.objects.filter(project_id=sender.project.pk).count()


def json_span(**changes: Any) -> bytes:
    one = {
        "traceId": "0af7651916cd43dd8448eb211c80319c",
        "spanId": "b7ad6b7169203331",
        "name": "chat",
        "startTimeUnixNano": str(NOW_NS),
        "endTimeUnixNano": str(NOW_NS + 5_000_000),
        "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}],
    } | changes
    return orjson.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [one]}]}]})


@pytest.mark.parametrize(
    "ids",
    [
        {"traceId": "0AF7651916CD43DD8448EB211C80319C", "spanId": "B7AD6B7169203331"},
        {"traceId": "CvdlGRbNQ92ESOshHIAxnA==", "spanId": "t61rcWkgMzE="},
    ],
)
def test_json_ids_are_read_in_hex_and_in_base64(sender: Sender, ids: dict[str, str]) -> None:
    reply = sender.post(TRACES, json_span(**ids), content_type="application/json")
    assert (reply.status, reply.headers["content-type"], reply.body) == (200, "application/json", b"{}")
    found = Span.objects.get(project_id=sender.project.pk)
    assert bytes(found.trace_id).hex() == "0af7651916cd43dd8448eb211c80319c"
    assert (found.kind, found.duration_ns) == ("llm", 5_000_000)


@pytest.mark.parametrize(
    ("start_ns", "reason"),
    [
        (NOW_NS - 91 * 86_400 * 10**9, "start time too old"),
        (NOW_NS + 2 * 3600 * 10**9, "start time too far in the future"),
        (2**63 + 5, "time out of range"),
        (0, "start time too old"),
    ],
)
def test_spans_outside_the_time_window_are_refused_alone(sender: Sender, start_ns: int, reason: str) -> None:
    reply = sender.post(TRACES, payloads.traces([span(1), span(2, start_ns=start_ns), span(3)]))
    partial = ExportTraceServiceResponse.FromString(reply.body).partial_success
    assert (reply.status, partial.rejected_spans, partial.error_message) == (200, 1, f"{reason} (1)")
    assert stored(sender) == 2


@pytest.mark.parametrize("duration_ns", [3 * 3600 * 10**9, 2**63 - 1 - NOW_NS])
def test_spans_that_end_in_the_future_are_refused(sender: Sender, duration_ns: int) -> None:
    reply = sender.post(TRACES, payloads.traces([span(1, duration_ns=duration_ns)]))
    partial = ExportTraceServiceResponse.FromString(reply.body).partial_success
    assert (partial.rejected_spans, partial.error_message) == (1, "end time too far in the future (1)")


def test_spans_of_eighty_nine_days_ago_are_accepted(sender: Sender) -> None:
    old = NOW_NS - 89 * 86_400 * 10**9
    assert sender.post(TRACES, payloads.traces([span(1, start_ns=old)])).body == b""
    assert stored(sender) == 1


def test_ids_of_zeros_and_of_a_wrong_length_are_refused_with_the_reason(sender: Sender) -> None:
    spans = [span(1), span(2, trace=0), span(3) | {"span_id": b"short"}, span(0)]
    partial = ExportTraceServiceResponse.FromString(sender.post(TRACES, payloads.traces(spans)).body).partial_success
    assert partial.rejected_spans == 3
    assert partial.error_message == "span id is all zeros (1); span id is not 8 bytes (1); trace id is all zeros (1)"


def test_partial_success_in_json_counts_as_text(sender: Sender) -> None:
    reply = sender.post(TRACES, json_span(traceId="00" * 16), content_type="application/json")
    assert orjson.loads(reply.body) == {
        "partialSuccess": {"rejectedSpans": "1", "errorMessage": "trace id is all zeros (1)"}
    }


UUID = "0af76519-16cd-43dd-8448-eb211c80319c"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"traceId": "zz"}, "traceId is not 32 hex digits"),
        ({"traceId": UUID}, "traceId is not 32 hex digits"),
        ({"traceId": 7}, "traceId is not 32 hex digits"),
        ({"traceId": "abcd"}, "trace id is not 16 bytes"),
        ({"spanId": "nil"}, "spanId is not 16 hex digits"),
        ({"parentSpanId": "root!"}, "parentSpanId is not 16 hex digits"),
        ({"links": [{"traceId": UUID, "spanId": "b7ad6b7169203331"}]}, "traceId is not 32 hex digits"),
    ],
)
def test_a_json_span_with_an_id_that_is_none_is_refused_alone(
    sender: Sender, changes: dict[str, Any], reason: str
) -> None:
    body = orjson.loads(json_span(**changes))
    spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"]
    spans.append(orjson.loads(json_span())["resourceSpans"][0]["scopeSpans"][0]["spans"][0])
    reply = sender.post(TRACES, orjson.dumps(body), content_type="application/json")
    told = {"partialSuccess": {"rejectedSpans": "1", "errorMessage": f"{reason} (1)"}}
    assert (reply.status, orjson.loads(reply.body)) == (200, told)
    assert stored(sender) == 1


def test_a_json_log_record_with_an_id_that_is_none_is_refused_alone(sender: Sender) -> None:
    records = [{"timeUnixNano": str(NOW_NS), "body": {"stringValue": "x"}, "traceId": one} for one in (UUID, "", None)]
    records.append(records[1] | {"spanId": "nil", "timeUnixNano": str(NOW_NS + 1)})
    body = {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}
    reply = sender.post("/v1/logs", orjson.dumps(body), content_type="application/json")
    told = orjson.loads(reply.body)["partialSuccess"]
    assert (reply.status, told["rejectedLogRecords"]) == (200, "2")
    assert "traceId is not 32 hex digits (1)" in told["errorMessage"]
    assert Log.objects.filter(project_id=sender.project.pk).count() == 1


def test_logs_sent_to_the_traces_address_are_a_400(sender: Sender) -> None:
    of_capture = next(one for one in recordings("otel-openai-v2-default") if one.path == "/v1/logs")
    for body in (of_capture.body, payloads.logs([("INFO", "hello")])):
        reply = sender.post(TRACES, body)
        assert (reply.status, status_of(reply).code) == (400, 3)
    assert "another OTLP signal" in status_of(sender.post(TRACES, payloads.logs([("", "hello")]))).message
    as_json = b'{"resourceLogs": [{"scopeLogs": []}]}'
    assert sender.post(TRACES, as_json, content_type="application/json").status == 400


def test_traces_sent_to_the_logs_and_metrics_addresses_are_a_400(sender: Sender) -> None:
    body = payloads.traces([span(1)])
    assert sender.post("/v1/logs", body).status == 400
    assert sender.post("/v1/metrics", body).status == 400
    assert stored(sender) == 0


def test_an_empty_export_is_fine(sender: Sender) -> None:
    assert sender.post(TRACES, b"").status == 200
    assert sender.post(TRACES, b"{}", content_type="application/json").status == 200


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b"[]", "body"),
        (b"{", "not valid JSON"),
        (b'{"resourceSpans": {}}', "resourceSpans"),
        (b'{"resourceSpans": [{"scopeSpans": [7]}]}', "resourceSpans[0].scopeSpans[0]"),
        (json_span(startTimeUnixNano="soon"), "spans[0].startTimeUnixNano"),
        (json_span(attributes=[{"key": "a", "value": {"stringValue": 3}}]), "spans[0].attributes[0].value.stringValue"),
        (json_span(name=3), "spans[0].name"),
    ],
)
def test_malformed_json_is_a_400_that_names_the_place(sender: Sender, body: bytes, names: str) -> None:
    reply = sender.post(TRACES, body, content_type="application/json")
    answer = orjson.loads(reply.body)
    assert (reply.status, answer["code"]) == (400, 3)
    assert names in answer["message"]


@pytest.mark.parametrize(
    "body", [b"\xff\xff\xff", payloads.traces([span(1, name="abcdef")]).replace(b"cd", b"\xff\xff")]
)
def test_malformed_protobuf_is_a_400(sender: Sender, body: bytes) -> None:
    assert status_of(sender.post(TRACES, body)).code == 3
    assert stored(sender) == 0


def test_the_same_ids_in_two_projects_are_two_traces(sender: Sender, new_sender: Callable[..., Sender]) -> None:
    other = new_sender("other")
    sender.post(TRACES, payloads.traces([model_call(1, 100)]))
    other.post(TRACES, payloads.traces([model_call(1, 7), model_call(2, 9, parent=1)]))
    assert Trace.objects.get(project_id=sender.project.pk).input_tokens == 100
    assert Trace.objects.get(project_id=other.project.pk).span_count == 2


def test_nul_characters_fail_nothing(sender: Sender) -> None:
    hostile = span(
        1, name="a\0b", session__id="s\0", user__id="\0", tag__tags=["t\0"], langfuse__trace__metadata__k="v\0"
    )
    literal = span(2, langfuse__trace__metadata__escaped="\\u0000")
    assert sender.post(TRACES, payloads.traces([hostile, literal, span(3)])).body == b""
    first = Span.objects.get(project_id=sender.project.pk, span_id=(1).to_bytes(8, "big"))
    assert (first.name, first.session_id, first.user_id) == ("ab", "s", "")
    # They could hide what is to be masked.
    assert details.contents([first])[0]["attributes"]["session.id"] == "s"
    trace = Trace.objects.get(project_id=sender.project.pk)
    assert (trace.tags, trace.metadata) == (["t"], {"k": "v", "escaped": "\\u0000"})


def test_too_many_attributes_refuse_only_their_span(sender: Sender) -> None:
    crowded = span(1) | {"attributes": {f"k{i}": 1 for i in range(10_001)}}
    partial = ExportTraceServiceResponse.FromString(
        sender.post(TRACES, payloads.traces([crowded, span(2)])).body
    ).partial_success
    assert partial.error_message == "more than 10000 attributes (1)"
    assert stored(sender) == 1


def test_deep_nesting_refuses_only_its_span_and_absurd_nesting_the_body(sender: Sender) -> None:
    def nested(depth: int) -> Any:
        value: Any = {"stringValue": "x"}
        for _ in range(depth):
            value = {"arrayValue": {"values": [value]}}
        return value

    deep = json_span(attributes=[{"key": "a", "value": nested(60)}])
    reply = sender.post(TRACES, deep, content_type="application/json")
    assert orjson.loads(reply.body)["partialSuccess"]["errorMessage"] == "attributes nested deeper than 48 (1)"
    absurd = b'{"resourceSpans":' + b"[" * 5_000 + b"]" * 5_000 + b"}"
    assert sender.post(TRACES, absurd, content_type="application/json").status == 400


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"llm.input_messages.0." + "a." * 900 + "b": "x"}, "attributes nested deeper than 48 (1)"),
        ({"metadata": '{"a":' + "[" * 400 + "]" * 400 + "}"}, "attributes cannot be stored (1)"),
        ({"langfuse.trace.metadata.a": "[" * 400 + "]" * 400}, "attributes cannot be stored (1)"),
    ],
)
def test_nesting_that_hides_in_names_and_text_refuses_only_its_span(
    sender: Sender, attributes: dict[str, str], reason: str
) -> None:
    reply = sender.post(TRACES, payloads.traces([span(1), span(2) | {"attributes": attributes}, span(3)]))
    assert reply.status == 200
    partial = ExportTraceServiceResponse.FromString(reply.body).partial_success
    assert (partial.rejected_spans, partial.error_message, stored(sender)) == (1, reason, 2)


def test_text_that_no_database_takes_stays_text_inside_lenient_json(sender: Sender) -> None:
    half = '{"agent": "\\ud800", "score": NaN}'
    spans = [span(1, metadata=half), span(2)]
    assert sender.post(TRACES, payloads.traces(spans)).status == 200
    assert stored(sender) == 2


def test_names_longer_than_an_index_takes_are_cut_and_kept_whole_in_the_detail(sender: Sender) -> None:
    name = "prüfe " * 2_000
    long = span(1, name=name, gen_ai__agent__name="ä" * 5_000, gen_ai__request__model="m" * 9_000)
    assert sender.post(TRACES, payloads.traces([long])).body == b""
    found = Span.objects.get(project_id=sender.project.pk)
    assert len(found.name.encode()) <= 255
    assert details.contents([found])[0]["name"] == name


def test_a_trace_takes_so_many_spans_and_refuses_the_rest(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_SPANS_PER_TRACE", 3)
    sender.post(TRACES, payloads.traces([span(1), span(2)]))
    more = [span(1), span(3), span(4), span(4), span(5, trace=2)]
    partial = ExportTraceServiceResponse.FromString(sender.post(TRACES, payloads.traces(more)).body).partial_success
    assert (partial.rejected_spans, partial.error_message) == (2, "trace has 3 spans (2)")
    assert stored(sender) == 4
    assert sorted(Trace.objects.filter(project_id=sender.project.pk).values_list("span_count", flat=True)) == [1, 3]
    assert sender.post(TRACES, payloads.traces([span(1), span(3)])).body == b""


def test_log_records_without_a_time_are_refused(sender: Sender) -> None:
    body = orjson.dumps(
        {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "x"}}, {
            "timeUnixNano": NOW_NS, "severityNumber": 2**40, "body": {"stringValue": "y"}}]}]}]}
    )  # fmt: skip
    reply = sender.post("/v1/logs", body, content_type="application/json")
    assert orjson.loads(reply.body)["partialSuccess"]["rejectedLogRecords"] == "1"
    assert Log.objects.get(project_id=sender.project.pk).severity == 24


def test_a_partition_that_was_dropped_meanwhile_is_made_again(sender: Sender) -> None:
    from metrics.services import partitions

    sender.post(TRACES, payloads.traces([span(1)]))
    dropped = partitions.drop_before(RECORDED + timedelta(days=400), keep_days=1)
    assert "metrics_span_p20261121" in dropped
    partitions._known.add((str(connection_name()), "metrics_span", NOW_NS // (86_400 * 10**9)))
    assert sender.post(TRACES, payloads.traces([span(1), span(2)])).status == 200
    assert stored(sender) == 2


def connection_name() -> object:
    from django.db import connection

    return connection.settings_dict["NAME"]


def test_the_day_of_the_recordings_is_in_the_window(at_recording: datetime) -> None:
    window = pipeline.accepted_window(at_recording)
    assert window.refusal(NOW_NS) == ""
