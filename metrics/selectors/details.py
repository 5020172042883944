"""What a span carries beyond its columns, joined with content that came as log records of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from metrics.ingest import packing
from metrics.ingest.content import CONTENT_NAMES, Record, finish_reason, is_complete, read
from metrics.ingest.packing import SpanKey, Unreadable, unpack
from metrics.ingest.semconv import FINISH_REASONS
from metrics.models import Log, Span, Trace
from metrics.times import NS_PER_HOUR

# Content records of one trace; more than any agent that was seen writes.
MOST_RECORDS = 5_000


@dataclass(frozen=True, slots=True)
class Detail:
    """A span in full. `input` and `output` are JSON values, None where nothing was recorded.

    `finish_reason` is what the output says, which may have come as a log record after the span.
    """

    input: Any = None
    output: Any = None
    attributes: dict[str, Any] = field(default_factory=dict)
    resource: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    links: list[dict[str, Any]] = field(default_factory=list)
    finish_reason: str = ""


def of_span(trace: Trace, span: Span) -> Detail:
    """The detail of one span that was read whole."""
    return of_spans(trace, [span])[0]


def of_spans(trace: Trace, spans: Sequence[Span]) -> list[Detail]:
    """The details of spans that were read whole, in their order. At most two queries: for values
    that other spans hold, and for content in log records."""
    unpacked = contents(spans)
    missing = [bytes(span.span_id) for span, detail in zip(spans, unpacked, strict=True) if not is_complete(detail)]
    records = _content_records(trace, missing) if missing else {}
    return [_detail(detail, records.get(bytes(span.span_id), [])) for span, detail in zip(spans, unpacked, strict=True)]


def _detail(stored: Mapping[str, Any], records: Sequence[Record]) -> Detail:
    found = read(stored, records)
    reason = finish_reason(found.output)
    return Detail(
        input=found.input,
        output=found.output,
        attributes=stored.get("attributes") or {},
        resource=stored.get("resource") or {},
        events=found.events,
        links=stored.get("links") or [],
        finish_reason=FINISH_REASONS.get(reason.lower(), reason),
    )


def contents(spans: Sequence[Span]) -> list[dict[str, Any]]:
    """What spans of one trace carry beyond their columns, in their order. At most one query.

    Spans that arrived together share one value, which one of them holds. A damaged or newer value shows as a span
    without content: the columns are still worth reading.
    """
    values = {_key(span): bytes(span.detail) for span in spans}
    pointers = {key: _pointed_at(value) for key, value in values.items()}
    missing = {holder for holder in pointers.values() if holder and holder not in values}
    if missing:
        values |= _values(spans[0], missing)
    held: dict[SpanKey, dict[SpanKey, bytes]] = {}
    found = []
    for span in spans:
        key = _key(span)
        holder = pointers[key] or key
        if holder not in held:
            held[holder] = _members(values.get(holder, b""), holder)
        found.append(_content(held[holder].get(key)))
    return found


def _key(span: Span) -> SpanKey:
    return bytes(span.span_id), span.start_ns


def _values(of: Span, keys: set[SpanKey]) -> dict[SpanKey, bytes]:
    """The packed values of spans of the same trace. The bounds prune partitions."""
    starts = [start_ns for _, start_ns in keys]
    rows = Span.objects.filter(
        project_id=of.project_id,
        trace_id=bytes(of.trace_id),
        span_id__in=[span_id for span_id, _ in keys],
        start_ns__gte=min(starts),
        start_ns__lte=max(starts),
    )
    found = rows.values_list("span_id", "start_ns", "detail")
    return {(bytes(span_id), start_ns): bytes(detail) for span_id, start_ns, detail in found}


def _pointed_at(value: bytes) -> SpanKey | None:
    try:
        return packing.pointed_at(value)
    except packing.Unreadable:
        return None


def _members(value: bytes, key: SpanKey) -> dict[SpanKey, bytes]:
    try:
        return packing.members(value, key)
    except packing.Unreadable:
        return {}


def _content(json: bytes | None) -> dict[str, Any]:
    try:
        return packing.content(json) if json is not None else {}
    except packing.Unreadable:
        return {}


def _content_records(trace: Trace, span_ids: list[bytes]) -> dict[bytes, list[Record]]:
    """Log records that carry content, by span, in the order of their times."""
    logs = Log.objects.filter(
        project_id=trace.project_id,
        trace_id=bytes(trace.trace_id),
        event_name__in=CONTENT_NAMES,
        time_ns__gte=trace.start_ns - NS_PER_HOUR,
        time_ns__lte=trace.end_ns + NS_PER_HOUR,
    )
    if len(span_ids) == 1:
        logs = logs.filter(span_id=span_ids[0])
    found: dict[bytes, list[Record]] = defaultdict(list)
    for log in logs.order_by("time_ns", "id")[:MOST_RECORDS]:
        if log.span_id is None:
            continue
        try:
            content = unpack(log.detail)
        except Unreadable:
            continue
        found[bytes(log.span_id)].append(Record(log.event_name, content.get("attributes") or {}, content.get("body")))
    return found
