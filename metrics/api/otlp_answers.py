"""Answers of OTLP/HTTP in the request's own encoding: export responses and google.rpc.Status errors."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

PROTOBUF = "application/x-protobuf"
JSON = "application/json"

# google.rpc.Code by HTTP status.
RPC_CODES: Mapping[int, int] = {
    400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 408: 4, 413: 3, 415: 3, 422: 3, 429: 8, 500: 13, 503: 14,
}  # fmt: skip
INTERNAL = 13
MAX_MESSAGE_CHARS = 1_000


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete HTTP answer."""

    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


def exported(signal: str, *, refused: int, reason: str, json: bool) -> Answer:
    """200 for a batch of traces, logs or metrics, with what was refused as partial success."""
    if json:
        name = {"traces": "rejectedSpans", "logs": "rejectedLogRecords", "metrics": "rejectedDataPoints"}[signal]
        # 64-bit numbers are text in protobuf's JSON.
        partial = {"partialSuccess": {name: str(refused), "errorMessage": reason}} if refused else {}
        return Answer(200, orjson.dumps(partial), JSON)
    if not refused:
        return Answer(200, b"", PROTOBUF)
    if signal == "traces":
        traces = ExportTraceServiceResponse()
        traces.partial_success.rejected_spans = refused
        traces.partial_success.error_message = reason
        return Answer(200, traces.SerializeToString(), PROTOBUF)
    if signal == "logs":
        logs = ExportLogsServiceResponse()
        logs.partial_success.rejected_log_records = refused
        logs.partial_success.error_message = reason
        return Answer(200, logs.SerializeToString(), PROTOBUF)
    points = ExportMetricsServiceResponse()
    points.partial_success.rejected_data_points = refused
    points.partial_success.error_message = reason
    return Answer(200, points.SerializeToString(), PROTOBUF)


def failed(status: int, message: str, *, json: bool, headers: Mapping[str, str] | None = None) -> Answer:
    """An error as google.rpc.Status."""
    code = RPC_CODES.get(status, INTERNAL)
    message = message[:MAX_MESSAGE_CHARS]
    if json:
        return Answer(status, orjson.dumps({"code": code, "message": message}), JSON, headers or {})
    # google.rpc.Status is {int32 code = 1; string message = 2}: not worth a dependency.
    text = message.encode()
    body = b"\x08" + _varint(code) + b"\x12" + _varint(len(text)) + text
    return Answer(status, body, PROTOBUF, headers or {})


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
