"""What a span carries beyond its columns, joined with content that came as log records of it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from metrics.ingest.content import CONTENT_NAMES, Record, of_records
from metrics.ingest.packing import Unreadable, unpack
from metrics.models import Log, Span, Trace
from metrics.times import NS_PER_HOUR

# Content records of one trace; more than any agent that was seen writes.
MOST_RECORDS = 5_000


@dataclass(frozen=True, slots=True)
class Detail:
    """A span in full. `input` and `output` are JSON values, None where nothing was recorded."""

    input: Any = None
    output: Any = None
    attributes: dict[str, Any] = field(default_factory=dict)
    resource: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    links: list[dict[str, Any]] = field(default_factory=list)


def of_span(trace: Trace, span: Span) -> Detail:
    """The detail of one span that was read whole."""
    return of_spans(trace, [span])[0]


def of_spans(trace: Trace, spans: Sequence[Span]) -> list[Detail]:
    """The details of spans that were read whole, in their order. At most one query, for content in log records."""
    unpacked = [_unpacked(span) for span in spans]
    missing = [
        bytes(span.span_id)
        for span, detail in zip(spans, unpacked, strict=True)
        if detail.get("input") is None or detail.get("output") is None
    ]
    records = _content_records(trace, missing) if missing else {}
    details = []
    for span, detail in zip(spans, unpacked, strict=True):
        logged = of_records(records.get(bytes(span.span_id), []))
        said = detail.get("input"), detail.get("output")
        details.append(
            Detail(
                input=logged.input if said[0] is None else said[0],
                output=logged.output if said[1] is None else said[1],
                attributes=detail.get("attributes") or {},
                resource=detail.get("resource") or {},
                events=detail.get("events") or [],
                links=detail.get("links") or [],
            )
        )
    return details


def _unpacked(span: Span) -> dict[str, Any]:
    """A damaged or newer value shows as a span without content: the columns are still worth reading."""
    try:
        return unpack(span.detail)
    except Unreadable:
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
