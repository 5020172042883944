"""OTLP in JSON: ids in hex or base64, 64-bit numbers as text, enums by number or name, keys in camel or snake case."""

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import orjson

from metrics.ingest.limits import (
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    MAX_EVENTS,
    MAX_LINKS,
    MAX_ROWS,
    Malformed,
    Refused,
    base64_octets,
    check_ids,
    check_time,
    number,
    room_for,
)
from metrics.ingest.rows import Attributes, Batch, RawEvent, RawLink, RawLog, RawPoint, RawSpan, Source, Value

HAS_REMOTE_FLAGS = 0x300
STATUS = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}
SPAN_KINDS = {
    f"SPAN_KIND_{name}": number
    for number, name in enumerate(("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"))
}
TEMPORALITY = {
    0: "", 1: "delta", 2: "cumulative",
    "AGGREGATION_TEMPORALITY_DELTA": "delta", "AGGREGATION_TEMPORALITY_CUMULATIVE": "cumulative",
}  # fmt: skip
KINDS = {
    "gauge": "gauge",
    "sum": "sum",
    "histogram": "histogram",
    "exponentialHistogram": "exponential_histogram",
    "summary": "summary",
}
INT64 = range(-(2**63), 2**63)

Object = Mapping[str, Any]
Item = TypeVar("Item")


def spans(body: bytes) -> Batch[RawSpan]:
    """The spans of an ExportTraceServiceRequest. Raises Malformed."""
    batch: Batch[RawSpan] = Batch()
    for source, path, messages in _scopes(body, "resourceSpans", "scopeSpans", "spans"):
        _accept(batch, _span, messages, source, path)
    return batch


def logs(body: bytes) -> Batch[RawLog]:
    """The log records of an ExportLogsServiceRequest. Raises Malformed."""
    batch: Batch[RawLog] = Batch()
    for source, path, messages in _scopes(body, "resourceLogs", "scopeLogs", "logRecords"):
        _accept(batch, _log, messages, source, path)
    return batch


def points(body: bytes) -> Batch[RawPoint]:
    """The metric points of an ExportMetricsServiceRequest. Raises Malformed."""
    batch: Batch[RawPoint] = Batch()
    room = MAX_ROWS
    for source, path, messages in _scopes(body, "resourceMetrics", "scopeMetrics", "metrics"):
        for index, metric in enumerate(messages):
            where = f"{path}[{index}]"
            entry = _object(metric, where)
            kind = next((name for name in KINDS if _get(entry, name) is not None), None)
            if kind is None:
                continue
            data = _object(_get(entry, kind), f"{where}.{kind}")
            found = _list(data, "dataPoints", f"{where}.{kind}")
            room = room_for(len(found), room)
            pairs = [(entry, kind, point) for point in found]
            _accept(batch, _point, pairs, source, f"{where}.{kind}.dataPoints")
    return batch


def _scopes(body: bytes, top: str, scopes: str, rows: str) -> Iterator[tuple[Source, str, Sequence[Any]]]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"not valid JSON: {error.msg} at line {error.lineno} column {error.colno}") from error
    request = _object(document, "body")
    if _get(request, top) is None and (other := [key for key in request if key.lower().startswith("resource")]):
        raise Malformed(f"{other[0][:40]}: another OTLP signal, {top} expected")
    room = MAX_ROWS
    for i, item in enumerate(_list(request, top, "")):
        room = room_for(1, room)
        path = f"{top}[{i}]"
        entry = _object(item, path)
        resource = _attributes_or_empty(_object(_get(entry, "resource"), f"{path}.resource"), f"{path}.resource")
        for j, inner in enumerate(_list(entry, scopes, path)):
            where = f"{path}.{scopes}[{j}]"
            scope_entry = _object(inner, where)
            scope = _object(_get(scope_entry, "scope"), f"{where}.scope")
            attributes = _attributes_or_empty(scope, f"{where}.scope")
            source = Source(resource, _text(scope, "name", where), _text(scope, "version", where), attributes)
            found = _list(scope_entry, rows, where)
            room = room_for(1 + len(found), room)
            yield source, f"{where}.{rows}", found


def _accept(
    batch: Batch[Item],
    build: Callable[[Any, str, Source], Item],
    messages: Sequence[Any],
    source: Source,
    path: str,
) -> None:
    for index, message in enumerate(messages):
        try:
            batch.rows.append(build(message, f"{path}[{index}]", source))
        except Refused as refusal:
            batch.refused[str(refusal)] += 1


def _span(message: Any, path: str, source: Source) -> RawSpan:
    span = _object(message, path)
    trace_id, span_id = _id(span, "traceId", 16), _id(span, "spanId", 8)
    check_ids(trace_id, span_id)
    events, links = _list(span, "events", path), _list(span, "links", path)
    if len(events) > MAX_EVENTS or len(links) > MAX_LINKS:
        raise Refused(f"more than {MAX_EVENTS} events or {MAX_LINKS} links")
    status = _object(_get(span, "status"), f"{path}.status")
    code, kind = status.get("code", 0), span.get("kind", 0)
    return RawSpan(
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=_id(span, "parentSpanId", 8),
        name=_text(span, "name", path),
        start_ns=check_time(_int(span, "startTimeUnixNano", path)),
        end_ns=check_time(_int(span, "endTimeUnixNano", path)),
        remote_parent=_int(span, "flags", path) & HAS_REMOTE_FLAGS == HAS_REMOTE_FLAGS,
        status_code=STATUS.get(code, 0) if isinstance(code, str) else code if isinstance(code, int) else 0,
        status_message=_text(status, "message", f"{path}.status"),
        attributes=_attributes(span, path),
        events=tuple(_event(event, f"{path}.events[{i}]") for i, event in enumerate(events)),
        links=tuple(_link(link, f"{path}.links[{i}]") for i, link in enumerate(links)),
        source=source,
        kind=SPAN_KINDS.get(kind, 0) if isinstance(kind, str) else kind if isinstance(kind, int) else 0,
    )


def _event(message: Any, path: str) -> RawEvent:
    event = _object(message, path)
    return RawEvent(_text(event, "name", path), check_time(_int(event, "timeUnixNano", path)), _attributes(event, path))


def _link(message: Any, path: str) -> RawLink:
    link = _object(message, path)
    return RawLink(_id(link, "traceId", 16), _id(link, "spanId", 8), _attributes(link, path))


def _log(message: Any, path: str, source: Source) -> RawLog:
    record = _object(message, path)
    severity = _get(record, "severityNumber")
    return RawLog(
        time_ns=check_time(_int(record, "timeUnixNano", path)),
        observed_ns=check_time(_int(record, "observedTimeUnixNano", path)),
        trace_id=_id(record, "traceId", 16),
        span_id=_id(record, "spanId", 8),
        severity=severity if isinstance(severity, int) else 0,
        severity_text=_text(record, "severityText", path),
        event_name=_text(record, "eventName", path),
        body=_value(_get(record, "body"), f"{path}.body", MAX_DEPTH),
        attributes=_attributes(record, path),
        source=source,
    )


def _point(message: Any, path: str, source: Source) -> RawPoint:
    metric, kind, entry = message
    point = _object(entry, path)
    data = _object(_get(metric, kind), path)
    temporality = _get(data, "aggregationTemporality") or 0
    simple = kind in {"gauge", "sum"}
    value = _float(point, "asDouble", path)
    if simple and value is None and _get(point, "asInt") is not None:
        value = float(_int(point, "asInt", path))
    return RawPoint(
        name=_text(metric, "name", path),
        unit=_text(metric, "unit", path),
        kind=KINDS[kind],
        temporality=TEMPORALITY.get(temporality, "") if isinstance(temporality, int | str) else "",
        monotonic=_get(data, "isMonotonic") is True,
        time_ns=check_time(_int(point, "timeUnixNano", path)),
        start_ns=check_time(_int(point, "startTimeUnixNano", path)),
        value=value if simple else None,
        count=None if simple else _int(point, "count", path),
        total=None if simple else _float(point, "sum", path),
        minimum=_float(point, "min", path),
        maximum=_float(point, "max", path),
        buckets=_buckets(kind, point, path),
        attributes=_attributes(point, path),
        source=source,
    )


def _buckets(kind: str, point: Object, path: str) -> dict[str, Value] | None:
    if kind == "histogram":
        return {
            "bounds": [_number(one, f"{path}.explicitBounds") for one in _list(point, "explicitBounds", path)],
            "counts": [_whole(one, f"{path}.bucketCounts") for one in _list(point, "bucketCounts", path)],
        }
    if kind == "exponentialHistogram":
        sides: dict[str, Value] = {}
        for side in ("positive", "negative"):
            where = f"{path}.{side}"
            part = _object(_get(point, side), where)
            counts: list[Value] = [_whole(one, f"{where}.bucketCounts") for one in _list(part, "bucketCounts", where)]
            sides[side] = {"offset": _int(part, "offset", where), "counts": counts}
        threshold = _float(point, "zeroThreshold", path)
        head: dict[str, Value] = {"scale": _int(point, "scale", path), "zero_count": _int(point, "zeroCount", path)}
        return head | {"zero_threshold": threshold or 0.0} | sides
    if kind == "summary":
        pairs = [_object(one, path) for one in _list(point, "quantileValues", path)]
        return {"quantiles": [[_float(one, "quantile", path), _float(one, "value", path)] for one in pairs]}
    return None


def _get(entry: Object, key: str) -> Any:
    """The member in camel case, as the specification has it, or in snake case, as some senders have it."""
    value = entry.get(key)
    if value is None and (other := _snake(key)) != key:
        value = entry.get(other)
    return value


@cache
def _snake(key: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in key)


def _object(value: Any, path: str) -> Object:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed(f"{path}: an object expected")
    return value


def _list(entry: Object, key: str, path: str) -> Sequence[Any]:
    value = _get(entry, key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Malformed(f"{path}.{key}: a list expected".lstrip("."))
    return value


def _text(entry: Object, key: str, path: str) -> str:
    value = _get(entry, key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"{path}.{key}: text expected")
    return value


def _int(entry: Object, key: str, path: str) -> int:
    value = _get(entry, key)
    return 0 if value is None or value == "" else _whole(value, f"{path}.{key}")


def _whole(value: Any, path: str) -> int:
    """A whole number, which may come as text since JSON numbers lose precision past 2**53."""
    try:
        if isinstance(value, str) and len(value) <= 20:
            return int(value)
        if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
            return int(value)
    except ValueError:
        pass
    raise Malformed(f"{path}: a whole number expected")


def _float(entry: Object, key: str, path: str) -> float | None:
    value = _get(entry, key)
    if value is None:
        return None
    found = _number(value, f"{path}.{key}")
    return float(found)


def _number(value: Any, path: str) -> float | str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and len(value) <= 40:
        try:
            return number(float(value))
        except ValueError:
            pass
    raise Malformed(f"{path}: a number expected")


def _id(entry: Object, key: str, size: int) -> bytes:
    """An id in hex, as OTLP/JSON says, or in base64, as generic protobuf-to-JSON converters write it.

    Raises Refused for what is neither: the row alone cannot be stored, as with an id of another length in protobuf.
    """
    value = _get(entry, key)
    if value is None or value == "":
        return b""
    if isinstance(value, str) and len(value) <= 64:
        try:
            return bytes.fromhex(value) if len(value) == 2 * size else base64.b64decode(value, validate=True)
        except (ValueError, binascii.Error):
            pass
    raise Refused(f"{key} is not {2 * size} hex digits")


def _attributes_or_empty(entry: Object, path: str) -> Attributes:
    try:
        return _attributes(entry, path)
    except Refused:
        return {}


def _attributes(entry: Object, path: str) -> dict[str, Value]:
    pairs = _list(entry, "attributes", path)
    if len(pairs) > MAX_ATTRIBUTES:
        raise Refused(f"more than {MAX_ATTRIBUTES} attributes")
    return _pairs(pairs, f"{path}.attributes", MAX_DEPTH)


def _pairs(pairs: Sequence[Any], path: str, depth: int) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for index, item in enumerate(pairs):
        # Nearly every attribute is a text; the way to an error is written out only where there is one.
        if type(item) is dict and type(value := item.get("value")) is dict and len(value) == 1:
            key, text = item.get("key"), value.get("stringValue")
            if type(key) is str and type(text) is str:
                found[key] = text
                continue
        where = f"{path}[{index}]"
        pair = _object(item, where)
        found[_text(pair, "key", where)] = _value(pair.get("value"), f"{where}.value", depth)
    return found


def _value(value: Any, path: str, depth: int) -> Value:
    if value is None:
        return None
    for key, inner in _object(value, path).items():
        if inner is None:
            continue
        kind = key if "_" not in key else key.replace("_v", "V")
        if kind == "stringValue" and isinstance(inner, str):
            return inner
        if kind == "boolValue" and isinstance(inner, bool):
            return inner
        if kind == "intValue":
            whole = _whole(inner, path)
            return whole if whole in INT64 else str(whole)
        if kind == "doubleValue":
            return _number(inner, path)
        if kind == "bytesValue" and isinstance(inner, str):
            return base64_octets(inner)
        if kind in {"arrayValue", "kvlistValue"}:
            if depth <= 0:
                raise Refused(f"attributes nested deeper than {MAX_DEPTH}")
            values = _list(_object(inner, path), "values", path)
            if kind == "kvlistValue":
                return _pairs(values, path, depth - 1)
            return [_value(one, path, depth - 1) for one in values]
        raise Malformed(f"{path}.{key[:40]}: not a value")
    return None
