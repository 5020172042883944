"""OTLP in protobuf: each message is walked once, straight into raw rows."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from metrics.ingest.limits import (
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    MAX_EVENTS,
    MAX_LINKS,
    MAX_ROWS,
    SPAN_ID_BYTES,
    TRACE_ID_BYTES,
    Malformed,
    Refused,
    check_ids,
    check_time,
    number,
    octets,
    room_for,
)
from metrics.ingest.messages import KeyValue, LogsRequest, MetricsRequest, TraceRequest
from metrics.ingest.rows import Attributes, Batch, RawEvent, RawLink, RawLog, RawPoint, RawSpan, Source, Value

HAS_REMOTE_FLAGS = 0x300  # "is remote is known" and "is remote"
TEMPORALITY = {0: "", 1: "delta", 2: "cumulative"}
# Attributes that were read before, by their bytes: most of any batch. Emptied when full.
MOST_KNOWN = 8_192
LONGEST_KNOWN = 128
_known: dict[bytes, tuple[str, Value]] = {}
_names: dict[bytes, str] = {}


def spans(body: bytes) -> Batch[RawSpan]:
    """The spans of an ExportTraceServiceRequest. Raises Malformed."""
    request = _parse(TraceRequest, body)
    batch: Batch[RawSpan] = Batch()
    strange = 0
    for source, messages in _scopes(request.resource_spans, "scope_spans", "spans"):
        for message in messages:
            if not message.start_time_unix_nano and not _has_ids(message):
                _check_fields(message, "spans", "/v1/traces")
                strange += 1
            _accept(batch, _span, message, source)
    if strange and not batch.rows and strange == batch.refused.total():
        # Rows of other signals have nothing in the place of a span's start, and text or nothing in those of its ids.
        raise _other_signal("spans", "/v1/traces")
    return batch


def _has_ids(message: Any) -> bool:
    return len(message.trace_id) == TRACE_ID_BYTES and len(message.span_id) == SPAN_ID_BYTES


def logs(body: bytes) -> Batch[RawLog]:
    """The log records of an ExportLogsServiceRequest. Raises Malformed."""
    request = _parse(LogsRequest, body)
    batch: Batch[RawLog] = Batch()
    for source, messages in _scopes(request.resource_logs, "scope_logs", "log_records"):
        for message in messages:
            if not message.time_unix_nano:
                _check_fields(message, "log records", "/v1/logs")
            _accept(batch, _log, message, source)
    return batch


def points(body: bytes) -> Batch[RawPoint]:
    """The metric points of an ExportMetricsServiceRequest. Raises Malformed."""
    request = _parse(MetricsRequest, body)
    batch: Batch[RawPoint] = Batch()
    room = MAX_ROWS
    for source, messages in _scopes(request.resource_metrics, "scope_metrics", "metrics"):
        for metric in messages:
            if not metric.WhichOneof("data"):
                _check_fields(metric, "metrics", "/v1/metrics")
                continue
            found = _points_of(metric)
            room = room_for(len(found), room)
            for point in found:
                _accept(batch, _point, (metric, point), source)
    return batch


def _parse(message: Any, body: bytes) -> Any:
    try:
        return message.FromString(body)
    except DecodeError as error:
        # The library's text names the message type and the reason ("bad UTF-8", "corrupt"); never the content.
        raise Malformed(f"not a valid {message.DESCRIPTOR.name}: {str(error).rpartition(': ')[2][:100]}") from error


def _check_fields(message: Message, what: str, path: str) -> None:
    """Raises Malformed when known field numbers came with another wire type: the body is some other request."""
    known = message.DESCRIPTOR.fields_by_number
    unknown = UnknownFieldSet(message)
    if any(unknown[place].field_number in known for place in range(len(unknown))):
        raise _other_signal(what, path)


def _other_signal(what: str, path: str) -> Malformed:
    return Malformed(f"the body does not hold {what}: another OTLP signal sent to {path}?")


def _scopes(resources: Iterable[Any], scopes: str, rows: str) -> Iterator[tuple[Source, Sequence[Any]]]:
    room = MAX_ROWS
    for entry in resources:
        resource = _attributes_or_empty(entry.resource.attributes)
        room = room_for(1, room)
        for scope_entry in getattr(entry, scopes):
            scope = scope_entry.scope
            found = getattr(scope_entry, rows)
            room = room_for(1 + len(found), room)
            yield Source(resource, scope.name, scope.version, _attributes_or_empty(scope.attributes)), found


def _attributes_or_empty(pairs: Sequence[Any]) -> Attributes:
    # A resource that is too much to hold is dropped; its spans still say something without it.
    try:
        return attributes(pairs)
    except Refused:
        return {}


Item = TypeVar("Item")


def _accept(batch: Batch[Item], build: Callable[[Any, Source], Item], message: object, source: Source) -> None:
    try:
        batch.rows.append(build(message, source))
    except Refused as refusal:
        batch.refused[str(refusal)] += 1


def attributes(pairs: Sequence[bytes]) -> dict[str, Value]:
    """Key-values as a dict; of a key that is repeated the last one stays.

    Raises Refused over the limits, Malformed for bytes that are no key-values.
    """
    if len(pairs) > MAX_ATTRIBUTES:
        raise Refused(f"more than {MAX_ATTRIBUTES} attributes")
    known = _known.get
    return dict([(known(pair) if len(pair) <= LONGEST_KNOWN else None) or _new(pair) for pair in pairs])


def _new(pair: bytes) -> tuple[str, Value]:
    """A key-value that was not read before."""
    found = _plain(pair)
    if found is None:
        message = _parse(KeyValue, pair)
        found = message.key, _value(message.value, MAX_DEPTH)
    if len(pair) <= LONGEST_KNOWN:
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        _known[pair] = found
    return found


def _plain(pair: bytes) -> tuple[str, Value] | None:
    """A key-value with a text, read by hand, which takes half the time. None for all that is written in another way.

    On the wire it is 10, the size of the key, the key, 18, the size of the value, 10, the size of the text, the text.
    Sizes are numbers in base 128, the low digits first, each but the last with 128 added.
    """
    try:
        key_end = pair[1] + 2
        if pair[0] != 10 or pair[1] > 127 or pair[key_end] != 18:
            return None
        size = pair[key_end + 1]
        at = key_end + 2
        if size > 127:
            size, at = (size & 127) | pair[at] << 7, at + 1
            if size > 16383:
                size, at = (size & 16383) | pair[at] << 14, at + 1
        if at + size != len(pair) or pair[at] != 10:
            return None
        size = pair[at + 1]
        at += 2
        if size > 127:
            size, at = (size & 127) | pair[at] << 7, at + 1
            if size > 16383:
                size, at = (size & 16383) | pair[at] << 14, at + 1
        if at + size != len(pair):
            return None
        return _name(pair[2:key_end]), pair[at:].decode()
    except IndexError:
        return None
    except UnicodeDecodeError as error:
        raise Malformed("not a valid KeyValue: bad UTF-8") from error


def _name(name: bytes) -> str:
    """The name of an attribute, the same object each time: spans are told apart by theirs."""
    found = _names.get(name)
    if found is None:
        found = name.decode()
        if len(_names) >= MOST_KNOWN:
            _names.clear()
        _names[name] = found
    return found


def _value(value: Any, depth: int) -> Value:
    which = value.WhichOneof("value")
    if which == "string_value":
        return str(value.string_value)
    if which == "int_value":
        return int(value.int_value)
    if which == "bool_value":
        return bool(value.bool_value)
    if which == "double_value":
        return number(value.double_value)
    if which is None:
        return None
    if which == "bytes_value":
        return octets(value.bytes_value)
    if depth <= 0:
        raise Refused(f"attributes nested deeper than {MAX_DEPTH}")
    if which == "array_value":
        return [_value(one, depth - 1) for one in value.array_value.values]
    if which == "kvlist_value":
        return {pair.key: _value(pair.value, depth - 1) for pair in value.kvlist_value.values}
    return None


def _span(message: Any, source: Source) -> RawSpan:
    trace_id, span_id = message.trace_id, message.span_id
    check_ids(trace_id, span_id)
    events, links = message.events, message.links
    if len(events) > MAX_EVENTS or len(links) > MAX_LINKS:
        raise Refused(f"more than {MAX_EVENTS} events or {MAX_LINKS} links")
    status = message.status
    return RawSpan(
        trace_id,
        span_id,
        message.parent_span_id,
        message.name,
        check_time(message.start_time_unix_nano),
        check_time(message.end_time_unix_nano),
        message.flags & HAS_REMOTE_FLAGS == HAS_REMOTE_FLAGS,
        status.code,
        status.message,
        attributes(message.attributes),
        tuple([_event(event) for event in events]) if events else (),
        tuple([RawLink(link.trace_id, link.span_id, attributes(link.attributes)) for link in links]) if links else (),
        source,
        message.kind,
    )


def _event(message: Any) -> RawEvent:
    return RawEvent(message.name, check_time(message.time_unix_nano), attributes(message.attributes))


def _log(message: Any, source: Source) -> RawLog:
    return RawLog(
        time_ns=check_time(message.time_unix_nano),
        observed_ns=check_time(message.observed_time_unix_nano),
        trace_id=message.trace_id,
        span_id=message.span_id,
        severity=message.severity_number,
        severity_text=message.severity_text,
        event_name=message.event_name,
        body=_value(message.body, MAX_DEPTH),
        attributes=attributes(message.attributes),
        source=source,
    )


def _points_of(metric: Any) -> Sequence[Any]:
    found: Sequence[Any] = getattr(metric, metric.WhichOneof("data")).data_points
    return found


def _point(pair: Any, source: Source) -> RawPoint:
    metric, point = pair
    kind = metric.WhichOneof("data")
    data = getattr(metric, kind)
    value: float | None = None
    if kind in {"gauge", "sum"}:
        which = point.WhichOneof("value")
        value = float(getattr(point, which)) if which else None
    bounded = kind in {"histogram", "exponential_histogram"}
    return RawPoint(
        name=metric.name,
        unit=metric.unit,
        kind=kind,
        temporality=TEMPORALITY.get(getattr(data, "aggregation_temporality", 0), ""),
        monotonic=bool(getattr(data, "is_monotonic", False)),
        time_ns=check_time(point.time_unix_nano),
        start_ns=check_time(point.start_time_unix_nano),
        value=value,
        count=None if kind in {"gauge", "sum"} else point.count,
        total=point.sum if kind == "summary" or (bounded and point.HasField("sum")) else None,
        minimum=point.min if bounded and point.HasField("min") else None,
        maximum=point.max if bounded and point.HasField("max") else None,
        buckets=_buckets(kind, point),
        attributes=attributes(point.attributes),
        source=source,
    )


def _buckets(kind: str, point: Any) -> dict[str, Value] | None:
    if kind == "histogram":
        return {
            "bounds": [number(bound) for bound in point.explicit_bounds],
            "counts": [int(count) for count in point.bucket_counts],
        }
    if kind == "exponential_histogram":
        return {
            "scale": point.scale,
            "zero_count": point.zero_count,
            "zero_threshold": number(point.zero_threshold),
            "positive": {"offset": point.positive.offset, "counts": list(point.positive.bucket_counts)},
            "negative": {"offset": point.negative.offset, "counts": list(point.negative.bucket_counts)},
        }
    if kind == "summary":
        return {"quantiles": [[number(one.quantile), number(one.value)] for one in point.quantile_values]}
    return None
