"""Small OTLP requests made by hand, for tests that need one thing to be wrong or out of order."""

from collections.abc import Iterable, Mapping
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.metrics.ingest.captures import RECORDED

NOW_NS = int(RECORDED.timestamp()) * 1_000_000_000


def span(
    number: int,
    *,
    trace: int = 1,
    parent: int | None = None,
    start_ns: int = NOW_NS,
    duration_ns: int = 1_000_000,
    name: str = "",
    **attributes: Any,
) -> dict[str, Any]:
    """A span; in the names of attributes a double underscore stands for a dot."""
    return {
        "trace_id": trace.to_bytes(16, "big"),
        "span_id": number.to_bytes(8, "big"),
        "parent_span_id": b"" if parent is None else parent.to_bytes(8, "big"),
        "name": name or f"span {number}",
        "start_ns": start_ns,
        "end_ns": start_ns + duration_ns,
        "attributes": {key.replace("__", "."): value for key, value in attributes.items()},
    }


def model_call(number: int, tokens: int, *, operation: str = "chat", **more: Any) -> dict[str, Any]:
    """A span that reports usage of gpt-4o-mini."""
    return span(
        number,
        gen_ai__operation__name=operation,
        gen_ai__request__model="gpt-4o-mini",
        gen_ai__provider__name="openai",
        gen_ai__usage__input_tokens=tokens,
        gen_ai__usage__output_tokens=tokens // 4,
        **more,
    )


def traces(spans: Iterable[Mapping[str, Any]], *, error: bool = False) -> bytes:
    """An ExportTraceServiceRequest in protobuf."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for one in spans:
        message: Any = scope.spans.add()
        message.trace_id, message.span_id, message.parent_span_id = (
            one["trace_id"],
            one["span_id"],
            one["parent_span_id"],
        )
        message.name = one["name"]
        message.start_time_unix_nano, message.end_time_unix_nano = one["start_ns"], one["end_ns"]
        message.status.code = 2 if error else 0
        for key, value in one["attributes"].items():
            put(message.attributes.add(), key, value)
    return request.SerializeToString()


def logs(records: Iterable[tuple[str, str]]) -> bytes:
    """An ExportLogsServiceRequest of (severity text, body) records without any trace."""
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for severity, body in records:
        message: Any = scope.log_records.add()
        message.time_unix_nano = NOW_NS
        message.severity_text = severity
        message.severity_number = 9
        message.body.string_value = body
    return request.SerializeToString()


def put(pair: Any, key: str, value: Any) -> None:
    """Writes one attribute."""
    pair.key = key
    if isinstance(value, bool):
        pair.value.bool_value = value
    elif isinstance(value, str):
        pair.value.string_value = value
    elif isinstance(value, int):
        pair.value.int_value = value
    elif isinstance(value, float):
        pair.value.double_value = value
    else:
        for one in value:
            pair.value.array_value.values.add().string_value = one
