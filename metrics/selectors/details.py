"""What a span carries beyond its columns, joined with content that came as log records of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from metrics.ingest import packing
from metrics.ingest.content import CONTENT_NAMES, EXCEPTION_RECORD, Record, finish_reason, is_complete, read
from metrics.ingest.outcome import short_type
from metrics.ingest.packing import SpanKey, Unreadable, unpack
from metrics.ingest.reading import plain
from metrics.ingest.semconv import FINISH_REASONS
from metrics.models import Log, Span, Trace
from metrics.times import NS_PER_HOUR

# Content records of one trace, or of those read together; more than any agent that was seen writes.
MOST_RECORDS = 5_000

TraceSpanKey = tuple[bytes, bytes, int]  # trace id, span id, start


@dataclass(frozen=True, slots=True)
class Detail:
    """A span in full. `input` and `output` are JSON values, None where nothing was recorded.

    `finish_reason` is what the output says, `error_type` and `error_message` those of a log record about an exception;
    they may have come after the span.
    """

    input: Any = None
    output: Any = None
    attributes: dict[str, Any] = field(default_factory=dict)
    resource: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    links: list[dict[str, Any]] = field(default_factory=list)
    finish_reason: str = ""
    error_type: str = ""
    error_message: str = ""


def of_span(trace: Trace, span: Span) -> Detail:
    """The detail of one span that was read whole."""
    return of_spans(trace, [span])[0]


def of_spans(trace: Trace, spans: Sequence[Span]) -> list[Detail]:
    """The details of spans of a trace that were read whole, in their order. Queries like `of_traces`."""
    return of_traces([trace], spans)


def of_traces(traces: Sequence[Trace], spans: Sequence[Span]) -> list[Detail]:
    """The details of spans of some traces of one project, in the order of the spans, which were read whole.

    At most two queries: for values that other spans hold, and for content in log records.
    """
    unpacked = contents(spans)
    missing = [
        span
        for span, detail in zip(spans, unpacked, strict=True)
        if not is_complete(detail) or (span.status == "error" and not span.error_type)
    ]
    records = _content_records(traces, missing) if missing else {}
    return [_detail(detail, records.get(_place(span), [])) for span, detail in zip(spans, unpacked, strict=True)]


def _detail(stored: Mapping[str, Any], records: Sequence[Record]) -> Detail:
    found = read(stored, records)
    reason = finish_reason(found.output)
    exception = next((one.attributes for one in records if one.name == EXCEPTION_RECORD), {})
    return Detail(
        input=found.input,
        output=found.output,
        attributes=stored.get("attributes") or {},
        resource=stored.get("resource") or {},
        events=found.events,
        links=stored.get("links") or [],
        finish_reason=FINISH_REASONS.get(reason.lower(), reason),
        error_type=short_type(plain(exception.get("exception.type"))),
        error_message=plain(exception.get("exception.message")),
    )


def contents(spans: Sequence[Span]) -> list[dict[str, Any]]:
    """What spans of one project carry beyond their columns, in their order. At most one query.

    Spans of a trace that arrived together share one value, which one of them holds. A damaged or newer value shows as a
    span without content: the columns are still worth reading.
    """
    values = {_key(span): bytes(span.detail) for span in spans}
    pointers = {key: _pointed_at(value) for key, value in values.items()}
    holders = {key: (key[0], *pointer) if pointer else key for key, pointer in pointers.items()}
    missing = {holder for holder in holders.values() if holder not in values}
    if missing:
        values |= _values(spans[0].project_id, missing)
    held: dict[TraceSpanKey, dict[SpanKey, bytes]] = {}
    found = []
    for span in spans:
        key = _key(span)
        holder = holders[key]
        if holder not in held:
            held[holder] = _members(values.get(holder, b""), holder[1:])
        found.append(_content(held[holder].get(key[1:])))
    return found


def _key(span: Span) -> TraceSpanKey:
    return bytes(span.trace_id), bytes(span.span_id), span.start_ns


def _place(of: Span | Log) -> tuple[bytes, bytes]:
    """The trace and the span that a span or a log record is about."""
    return bytes(of.trace_id or b""), bytes(of.span_id or b"")


def _values(project_id: int, keys: set[TraceSpanKey]) -> dict[TraceSpanKey, bytes]:
    """The packed values of spans. The bounds prune partitions."""
    starts = [start_ns for *_, start_ns in keys]
    rows = Span.objects.filter(
        project_id=project_id,
        trace_id__in={trace_id for trace_id, *_ in keys},
        span_id__in={span_id for _, span_id, _ in keys},
        start_ns__gte=min(starts),
        start_ns__lte=max(starts),
    )
    found = rows.values_list("trace_id", "span_id", "start_ns", "detail")
    return {(bytes(trace), bytes(span), start_ns): bytes(detail) for trace, span, start_ns, detail in found}


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


def _content_records(traces: Sequence[Trace], spans: Sequence[Span]) -> dict[tuple[bytes, bytes], list[Record]]:
    """Log records that carry content, by trace and span, in the order of their times."""
    logs = Log.objects.filter(
        project_id=traces[0].project_id,
        trace_id__in={bytes(span.trace_id) for span in spans},
        event_name__in=[*CONTENT_NAMES, EXCEPTION_RECORD],
        time_ns__gte=min(trace.start_ns for trace in traces) - NS_PER_HOUR,
        time_ns__lte=max(trace.end_ns for trace in traces) + NS_PER_HOUR,
    )
    if len(spans) == 1:
        logs = logs.filter(span_id=bytes(spans[0].span_id))
    found: dict[tuple[bytes, bytes], list[Record]] = defaultdict(list)
    for log in logs.order_by("time_ns", "id")[:MOST_RECORDS]:
        if log.span_id is None:
            continue
        try:
            content = unpack(log.detail)
        except Unreadable:
            continue
        found[_place(log)].append(Record(log.event_name, content.get("attributes") or {}, content.get("body")))
    return found
