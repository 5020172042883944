"""Input and output of spans whose content came as log records: OpenTelemetry's events of the GenAI conventions."""

from collections.abc import Iterable
from dataclasses import dataclass

from metrics.ingest import content, packing
from metrics.ingest.rows import NS_PER_DAY, Value
from metrics.models import Log, Span

# Clocks and export delays: content may be stamped a little before or after its span.
SLACK_NS = 3_600_000_000_000
MAX_RECORDS = 20_000


@dataclass(frozen=True, slots=True)
class SpanContent:
    """What went in and came out; None where nothing is known."""

    input: Value
    output: Value


def span_content(*, project_id: int, spans: Iterable[Span]) -> dict[bytes, SpanContent]:
    """Content by span id for spans of one trace, from their detail and, for what that lacks, from log records.

    One query for all spans. Spans must carry `detail`.
    """
    every = list(spans)
    own = {bytes(span.span_id): _own(span) for span in every}
    if not every or all(one.input is not None and one.output is not None for one in own.values()):
        return own
    by_span: dict[bytes, list[content.Record]] = {}
    for log in _records(project_id, every):
        if log.span_id is not None:
            by_span.setdefault(bytes(log.span_id), []).append(_record(log))
    for span_id, records in by_span.items():
        if span_id in own:
            found = content.of_records(records)
            known = own[span_id]
            own[span_id] = SpanContent(
                known.input if known.input is not None else found.input,
                known.output if known.output is not None else found.output,
            )
    return own


def _own(span: Span) -> SpanContent:
    detail = packing.unpack(span.detail)
    return SpanContent(detail.get("input"), detail.get("output"))


def _records(project_id: int, spans: list[Span]) -> Iterable[Log]:
    earliest = min(span.start_ns for span in spans) - SLACK_NS
    latest = max(span.start_ns + min(span.duration_ns, NS_PER_DAY) for span in spans) + SLACK_NS
    return Log.objects.filter(
        project_id=project_id,
        event_name__in=sorted(content.CONTENT_NAMES),
        trace_id=bytes(spans[0].trace_id),
        time_ns__range=(earliest, latest),
    ).order_by("time_ns", "id")[:MAX_RECORDS]


def _record(log: Log) -> content.Record:
    detail = packing.unpack(log.detail)
    return content.Record(log.event_name, detail.get("attributes") or {}, detail.get("body"))
