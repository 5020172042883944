"""A payload at another signal's address is told so, however little is in it; nothing of it is stored."""

import gzip
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from metrics.ingest import otlp
from metrics.ingest.limits import Malformed
from metrics.ingest.rows import Batch
from tests.metrics.ingest import payloads
from tests.metrics.ingest.captures import FOLDER, Recording, recordings
from tests.metrics.ingest.payloads import span

READERS: dict[str, Callable[..., Batch[Any]]] = {"traces": otlp.spans, "logs": otlp.logs, "metrics": otlp.points}
RECORDED = [
    pytest.param(one, id=f"{folder.name} {one.path} {place}")
    for folder in sorted(FOLDER.iterdir())
    if folder.is_dir()
    for place, one in enumerate(recordings(folder.name))
]
IDS = {"trace_id": b"t" * 16, "span_id": b"s" * 8}
RECORDS: list[dict[str, Any]] = [
    {}, {"body": "hello"}, {"severity_text": "INFO"}, {"severity_text": "INFO", "body": "hello"},
    {"severity_number": 9}, {"time_unix_nano": 1}, {"observed_time_unix_nano": 1}, {"event_name": "gen_ai.choice"},
    {"flags": 1}, IDS, IDS | {"body": "hello"},
]  # fmt: skip


def read(body: bytes, signal: str, *, json: bool = False) -> Batch[Any]:
    return READERS[signal](body, json=json)


@pytest.mark.parametrize("recording", RECORDED)
def test_recordings_are_read_at_their_own_address_alone(recording: Recording) -> None:
    zipped = recording.headers.get("content-encoding") == "gzip"
    body = gzip.decompress(recording.body) if zipped else recording.body
    json = "json" in recording.headers["content-type"]
    own = recording.path.rpartition("/")[2]
    assert not read(body, own, json=json).refused
    for other in READERS.keys() - {own}:
        with pytest.raises(Malformed):
            read(body, other, json=json)


@pytest.mark.parametrize("fields", RECORDS)
def test_log_records_are_no_spans_however_little_they_say(fields: dict[str, Any]) -> None:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    for name, value in fields.items():
        if name == "body":
            record.body.string_value = value
        else:
            setattr(record, name, value)
    with pytest.raises(Malformed, match="another OTLP signal"):
        read(request.SerializeToString(), "traces")
    with pytest.raises(Malformed, match="another OTLP signal"):
        read(orjson.dumps(MessageToDict(request)), "traces", json=True)


@pytest.mark.parametrize("name", ["calls", "sixteen letters!"])
@pytest.mark.parametrize("kind", ["gauge", "sum", "histogram", "exponential_histogram", "summary"])
def test_metrics_are_no_spans(kind: str, name: str) -> None:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add()
    metric.name = name
    getattr(metric, kind).data_points.add().time_unix_nano = 1
    for signal in ("traces", "logs"):
        with pytest.raises(Malformed):
            read(request.SerializeToString(), signal)


@pytest.mark.parametrize("body", [b'{"resourceLogs": []}', b'{"resourceMetrics": [{}]}'])
def test_even_an_empty_list_of_another_signal_is_told_apart_in_json(body: bytes) -> None:
    with pytest.raises(Malformed, match="another OTLP signal"):
        read(body, "traces", json=True)


def test_a_span_with_a_senseless_start_or_senseless_ids_is_still_a_span() -> None:
    timeless, nameless = span(1, start_ns=0), span(2) | {"trace_id": b"", "span_id": b""}
    assert len(read(payloads.traces([timeless]), "traces").rows) == 1
    assert read(payloads.traces([nameless]), "traces").refused == {"trace id is not 16 bytes": 1}
    strange = nameless | {"start_ns": 0}
    assert read(payloads.traces([strange, span(3)]), "traces").refused == {"trace id is not 16 bytes": 1}
