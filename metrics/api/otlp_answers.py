"""Answers of OTLP: export responses and google.rpc.Status errors, in protobuf and in its JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

PROTOBUF = "application/x-protobuf"
JSON = "application/json"

# google.rpc.Code by HTTP status; in OTLP over gRPC a body that is too large exhausts a resource.
RPC_CODES: Mapping[int, int] = {
    400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 408: 4, 413: 8, 415: 3, 422: 3, 429: 8, 500: 13, 503: 14,
}  # fmt: skip
INTERNAL = 13
MAX_MESSAGE_CHARS = 1_000
RETRY_INFO = b"type.googleapis.com/google.rpc.RetryInfo"


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer; its content type is that of the request."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def exported(signal: str, *, refused: int, reason: str, json: bool) -> Answer:
    """200 for a batch of traces, logs or metrics, with what was refused as partial success."""
    if json:
        name = {"traces": "rejectedSpans", "logs": "rejectedLogRecords", "metrics": "rejectedDataPoints"}[signal]
        # 64-bit numbers are text in protobuf's JSON.
        partial = {"partialSuccess": {name: str(refused), "errorMessage": reason}} if refused else {}
        return Answer(200, orjson.dumps(partial))
    return Answer(200, export_response(signal, refused=refused, reason=reason))


def export_response(signal: str, *, refused: int, reason: str) -> bytes:
    """The export response of a signal in protobuf."""
    if not refused:
        return b""
    if signal == "traces":
        traces = ExportTraceServiceResponse()
        traces.partial_success.rejected_spans = refused
        traces.partial_success.error_message = reason
        return traces.SerializeToString()
    if signal == "logs":
        logs = ExportLogsServiceResponse()
        logs.partial_success.rejected_log_records = refused
        logs.partial_success.error_message = reason
        return logs.SerializeToString()
    points = ExportMetricsServiceResponse()
    points.partial_success.rejected_data_points = refused
    points.partial_success.error_message = reason
    return points.SerializeToString()


def failed(status: int, message: str, *, json: bool, headers: Mapping[str, str]) -> Answer:
    """An error as google.rpc.Status."""
    code = RPC_CODES.get(status, INTERNAL)
    message = message[:MAX_MESSAGE_CHARS]
    if json:
        return Answer(status, orjson.dumps({"code": code, "message": message}), headers)
    return Answer(status, rpc_status(code, message), headers)


def rpc_status(code: int, message: str, *details: bytes) -> bytes:
    """A google.rpc.Status: {int32 code = 1; string message = 2; repeated Any details = 3}. Not worth a dependency."""
    return _number(1, code) + _octets(2, message.encode()) + b"".join(_octets(3, detail) for detail in details)


def retry_info(seconds: int) -> bytes:
    """A google.rpc.RetryInfo: {Duration retry_delay = 1}, whose seconds are field 1."""
    return _octets(1, _number(1, seconds))


def retry_detail(info: bytes) -> bytes:
    """The Any that holds a RetryInfo: {string type_url = 1; bytes value = 2}."""
    return _octets(1, RETRY_INFO) + _octets(2, info)


def _octets(field_number: int, value: bytes) -> bytes:
    return _varint(field_number << 3 | 2) + _varint(len(value)) + value


def _number(field_number: int, value: int) -> bytes:
    return _varint(field_number << 3) + _varint(value)


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
