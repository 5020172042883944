"""Export requests whose structure is right and whose values are not, as JSON documents and in protobuf.

One document serves both: ids are base64, which our JSON takes beside hex, and 64-bit numbers are text.
"""

import base64
from typing import Any

import orjson
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from metrics.ingest.semconv import FIELDS, INPUT, OUTPUT, PROVIDER, TAGS
from metrics.ingest.semconv_usage import REPORTED_COST
from tests.metrics.ingest.payloads import NOW_NS

REQUESTS: dict[str, type[Message]] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}
HOUR_NS = 3_600 * 10**9
MOST = 2**63 - 1

known_keys = sorted(
    {key.name for keys in (*FIELDS.values(), INPUT, OUTPUT, PROVIDER, TAGS, REPORTED_COST) for key in keys}
)
MORE_KEYS = [
    "gen_ai.operation.name", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "openinference.span.kind",
    "gen_ai.usage.cache_read.input_tokens", "llm.token_count.prompt", "llm.input_messages.0.message.role",
    "llm.input_messages.99999.message.content", "gen_ai.prompt.0.content", "ai.usage.tokens", "error.type",
    "langfuse.observation.usage_details", "langfuse.observation.cost_details", "langfuse.trace.metadata.k",
    "handrail.status", "logfire.level_num", "logfire.span_type", "service.name", "deployment.environment.name",
    "ai.embedding", "exception.type", "event.name", "gen_ai.evaluation.name", "gen_ai.evaluation.score.value",
    "gen_ai.evaluation.score.label", "a\0b", "", ".", "0", "a.b.c", "\u202e", "x" * 3_000,
]  # fmt: skip
NASTY = [
    "", "\0", "a\0b", "\\u0000", "[" * 200, '{"a": NaN}', '"\\"double\\""', "1e999", "-0", "NaN", "9" * 400, "💥" * 400,
    "ü" * 300, "\u202eabc", "\ufffe", "[Scrubbed due to 'session']", "4111 1111 1111 1111", "jane@example.org",
    "sk-ant-api03-" + "a1" * 20, "+49 30 1234567", "gpt-4o", "openai/gpt-4o", "chat", "invoke_agent", "LLM", "tool",
    '[{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]', '{"input": -5, "output": "x", "total": 1e30}',
    "2026-11-21T01:00:00Z", "true", "null", "a" * 70_000, "<script>alert(1)</script>", "'; DROP TABLE metrics_span; --",
    "\u2028", "\x7f\x1b[31m", "{{7*7}}", "%s%n", "\t\r\n",
]  # fmt: skip
texts = st.sampled_from(NASTY) | st.text(st.characters(codec="utf-8"), max_size=12)
keys = st.sampled_from(known_keys) | st.sampled_from(MORE_KEYS) | texts
whole = st.sampled_from([0, 1, -1, 7, 2**31, 2**53 + 1, MOST, -(2**63)]) | st.integers(-(2**63), MOST)
counts = st.sampled_from([0, 1, 2**53, 2**63, 2**64 - 1]).map(str)
numbers = st.sampled_from(["NaN", "Infinity", "-Infinity", 0.0, -0.0, 1e308, -1e308, 5e-324, 0.5])
times = st.sampled_from([NOW_NS, NOW_NS - HOUR_NS, NOW_NS + 1]) | st.sampled_from(
    [0, 1, NOW_NS - 100 * 24 * HOUR_NS, NOW_NS + HOUR_NS * 2, MOST, MOST + 1, 2**64 - 1]
)
values: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.one_of(
        texts.map(lambda value: {"stringValue": value}),
        whole.map(lambda value: {"intValue": str(value)}),
        numbers.map(lambda value: {"doubleValue": value}),
        st.booleans().map(lambda value: {"boolValue": value}),
        st.binary(max_size=6).map(lambda value: {"bytesValue": base64.b64encode(value).decode()}),
        st.just({}),
    ),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda found: {"arrayValue": {"values": found}})
        | st.lists(st.tuples(texts, inner), max_size=3).map(lambda found: {"kvlistValue": {"values": _pairs(found)}})
    ),
    max_leaves=5,
)


def _pairs(found: list[tuple[str, Any]]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value} for key, value in found]


attributes = st.lists(st.tuples(keys, values), max_size=6).map(_pairs)


def ids(size: int) -> st.SearchStrategy[str]:
    """Mostly a few good ones, so that spans meet each other; also of zeros, and too short."""
    good = st.integers(1, 5).map(lambda number: number.to_bytes(size, "big"))
    bad = st.sampled_from([b"", bytes(size), b"\1" * (size - 1)])
    return st.one_of(good, good, good, bad).map(lambda value: base64.b64encode(value).decode())


moments = times.map(str)
events = st.lists(st.fixed_dictionaries({"name": texts, "timeUnixNano": moments, "attributes": attributes}), max_size=2)
links = st.lists(st.fixed_dictionaries({"traceId": ids(16), "spanId": ids(8), "attributes": attributes}), max_size=1)
spans = st.fixed_dictionaries({
    "traceId": ids(16), "spanId": ids(8), "parentSpanId": ids(8), "name": texts, "startTimeUnixNano": moments,
    "endTimeUnixNano": moments, "attributes": attributes, "events": events, "links": links,
    "status": st.fixed_dictionaries({"code": st.integers(0, 2), "message": texts}),
    "kind": st.integers(0, 5), "flags": st.sampled_from([0, 0x300, 2**32 - 1]),
})  # fmt: skip
records = st.fixed_dictionaries({
    "timeUnixNano": moments, "observedTimeUnixNano": moments, "severityNumber": st.integers(0, 24),
    "severityText": texts, "eventName": texts, "traceId": ids(16), "spanId": ids(8), "body": values,
    "attributes": attributes,
})  # fmt: skip
_point = {"timeUnixNano": moments, "startTimeUnixNano": moments, "attributes": attributes}
_number_points = st.lists(
    st.fixed_dictionaries(_point | {"asInt": whole.map(str)}) | st.fixed_dictionaries(_point | {"asDouble": numbers}),
    max_size=3,
)
_measured = _point | {"count": counts, "sum": numbers, "min": numbers, "max": numbers}
_histograms = st.fixed_dictionaries(
    _measured | {"bucketCounts": st.lists(counts, max_size=4), "explicitBounds": st.lists(numbers, max_size=4)}
)
_side = st.fixed_dictionaries(
    {"offset": st.sampled_from([0, -(2**31), 2**31 - 1]), "bucketCounts": st.lists(counts, max_size=4)}
)
_exponential = st.fixed_dictionaries(_measured | {
    "scale": st.sampled_from([0, -(2**31), 2**31 - 1, 20]), "zeroCount": counts, "zeroThreshold": numbers,
    "positive": _side, "negative": _side,
})  # fmt: skip
_quantiles = st.lists(st.fixed_dictionaries({"quantile": numbers, "value": numbers}), max_size=3)
_summaries = st.fixed_dictionaries(_point | {"count": counts, "sum": numbers, "quantileValues": _quantiles})
_temporality = {"aggregationTemporality": st.integers(0, 2)}
metrics = st.fixed_dictionaries({"name": texts, "unit": texts}).flatmap(
    lambda named: st.one_of(
        st.fixed_dictionaries({"dataPoints": _number_points}).map(lambda data: {**named, "gauge": data}),
        st.fixed_dictionaries({"dataPoints": _number_points, "isMonotonic": st.booleans(), **_temporality}).map(
            lambda data: {**named, "sum": data}
        ),
        st.fixed_dictionaries({"dataPoints": st.lists(_histograms, max_size=2), **_temporality}).map(
            lambda data: {**named, "histogram": data}
        ),
        st.fixed_dictionaries({"dataPoints": st.lists(_exponential, max_size=2), **_temporality}).map(
            lambda data: {**named, "exponentialHistogram": data}
        ),
        st.fixed_dictionaries({"dataPoints": st.lists(_summaries, max_size=2)}).map(
            lambda data: {**named, "summary": data}
        ),
    )
)
_LAYOUT: dict[str, tuple[str, str, str, st.SearchStrategy[Any]]] = {
    "traces": ("resourceSpans", "scopeSpans", "spans", spans),
    "logs": ("resourceLogs", "scopeLogs", "logRecords", records),
    "metrics": ("resourceMetrics", "scopeMetrics", "metrics", metrics),
}


def requests(signal: str) -> st.SearchStrategy[dict[str, Any]]:
    """Export requests of one signal, as JSON documents."""
    resources, scopes, rows, row = _LAYOUT[signal]
    scope = st.fixed_dictionaries({"name": texts, "version": texts, "attributes": attributes})
    within = st.fixed_dictionaries({"scope": scope, rows: st.lists(row, min_size=1, max_size=4)})
    resource = st.fixed_dictionaries({"attributes": attributes})
    one = st.fixed_dictionaries({"resource": resource, scopes: st.lists(within, min_size=1, max_size=2)})
    return st.lists(one, min_size=1, max_size=2).map(lambda found: {resources: found})


def as_json(document: dict[str, Any]) -> bytes:
    """The document on the wire."""
    return orjson.dumps(document)


def as_protobuf(signal: str, document: dict[str, Any]) -> bytes:
    """The same request in protobuf."""
    try:
        return ParseDict(document, REQUESTS[signal]()).SerializeToString()
    except ParseError as error:
        raise AssertionError(f"the document itself is wrong: {error}") from error
