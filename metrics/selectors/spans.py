"""The spans of one trace, light for the waterfall and whole for one of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from metrics.ingest.content import CONTENT_NAMES
from metrics.models import Log, Span, Trace
from metrics.waterfall import Row, Step, Waterfall, lay_out

NS_PER_HOUR = 3_600_000_000_000
MOST_LOGS = 200


@dataclass(frozen=True, slots=True)
class Line:
    """A span beside its place in the waterfall."""

    span: Span
    row: Row


@dataclass(frozen=True, slots=True)
class Tree:
    """A trace, laid out."""

    lines: list[Line]
    layout: Waterfall


def of_trace(trace: Trace, *, whole: bool = False) -> list[Span]:
    """The spans of a trace by start time; without `whole`, their packed detail stays in the database.

    The bounds of the trace keep PostgreSQL from opening the partitions of other days.
    """
    spans = Span.objects.filter(
        project_id=trace.project_id,
        trace_id=bytes(trace.trace_id),
        start_ns__gte=trace.start_ns,
        start_ns__lte=trace.end_ns,
    ).order_by("start_ns", "span_id")
    return list(spans if whole else spans.defer("detail"))


def one(trace: Trace, span_id: bytes) -> Span | None:
    """One span of a trace, whole."""
    return Span.objects.filter(
        project_id=trace.project_id,
        trace_id=bytes(trace.trace_id),
        span_id=span_id,
        start_ns__gte=trace.start_ns,
        start_ns__lte=trace.end_ns,
    ).first()


def tree(spans: Sequence[Span]) -> Tree:
    """The waterfall of spans. A span id that was used twice (other start time) gets a row for each."""
    by_key: dict[str, Span] = {}
    for span in spans:
        key = bytes(span.span_id).hex()
        by_key[f"{key}.{span.start_ns}" if key in by_key else key] = span
    layout = lay_out(
        [
            Step(
                id=key,
                parent=bytes(span.parent_span_id).hex() if span.parent_span_id else "",
                start_ns=span.start_ns,
                duration_ns=span.duration_ns,
            )
            for key, span in by_key.items()
        ]
    )
    return Tree(lines=[Line(span=by_key[row.id], row=row) for row in layout.rows], layout=layout)


def logs_of(span: Span) -> list[Log]:
    """Log records of a span by time, the first MOST_LOGS, without those that are its conversation.

    Looks an hour around the span: clocks differ.
    """
    records = Log.objects.exclude(event_name__in=CONTENT_NAMES).filter(
        project_id=span.project_id,
        trace_id=bytes(span.trace_id),
        span_id=bytes(span.span_id),
        time_ns__gte=span.start_ns - NS_PER_HOUR,
        time_ns__lte=span.start_ns + span.duration_ns + NS_PER_HOUR,
    )
    return list(records.order_by("time_ns", "id")[:MOST_LOGS])
