"""The spans of one trace, light for the waterfall and whole for one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import QuerySet

from metrics.ingest.content import CONTENT_NAMES
from metrics.ingest.limits import MAX_SPANS_PER_TRACE
from metrics.models import Log, Span, Trace
from metrics.times import NS_PER_HOUR
from metrics.waterfall import Row, Step, Waterfall, lay_out

MOST_LOGS = 200


class Head(NamedTuple):
    """What the waterfall shows of a span; ids are hex, `parent` empty without one."""

    id: str
    parent: str
    start_ns: int
    duration_ns: int
    name: str
    kind: str
    status: str
    error_type: str
    noise: bool


class Line(NamedTuple):
    """A span beside its place in the waterfall."""

    span: Head
    row: Row


@dataclass(frozen=True, slots=True)
class Tree:
    """A trace, laid out. `folded` spans are left out because they only repeat what others say."""

    lines: list[Line]
    layout: Waterfall
    folded: int = 0


def of_trace(trace: Trace) -> list[Span]:
    """The spans of a trace by start time, whole, as many as ingest accepts."""
    return list(_rows(trace)[:MAX_SPANS_PER_TRACE])


def _rows(trace: Trace) -> QuerySet[Span]:
    """The bounds of the trace keep PostgreSQL from opening the partitions of other days."""
    return Span.objects.filter(
        project_id=trace.project_id,
        trace_id=bytes(trace.trace_id),
        start_ns__gte=trace.start_ns,
        start_ns__lte=trace.end_ns,
    ).order_by("start_ns", "span_id")


def heads(trace: Trace) -> list[Head]:
    """The spans of a trace by start time. Their packed details stay in the database."""
    columns = ("span_id", "parent_span_id", "start_ns", "duration_ns", "name", "kind", "status", "error_type", "noise")
    return [
        Head(bytes(span_id).hex(), bytes(parent).hex() if parent else "", *rest)
        for span_id, parent, *rest in _rows(trace).values_list(*columns)[:MAX_SPANS_PER_TRACE]
    ]


def one(trace: Trace, span_id: bytes) -> Span | None:
    """One span of a trace, whole."""
    return _rows(trace).filter(span_id=span_id).first()


def tree(spans: Sequence[Head], *, noise: bool = True) -> Tree:
    """The waterfall of spans. A span id that was used twice (other start time) gets a row for each.

    Without `noise`, spans of HTTP clients and the like are left out, and what is below them hangs from what is above.
    """
    folded = 0
    if not noise:
        everything, spans = spans, _without_noise(spans)
        folded = len(everything) - len(spans)
    by_key: dict[str, Head] = {}
    for span in spans:
        by_key[f"{span.id}.{span.start_ns}" if span.id in by_key else span.id] = span
    steps = [Step(key, span.parent, span.start_ns, span.duration_ns) for key, span in by_key.items()]
    layout = lay_out(steps)
    return Tree(lines=[Line(span=by_key[row.id], row=row) for row in layout.rows], layout=layout, folded=folded)


def _without_noise(spans: Sequence[Head]) -> list[Head]:
    """The other spans, each below the nearest span above it that stays. A trace of nothing else stays as it is."""
    parents = {span.id: span.parent for span in spans if span.noise}
    if not parents or len(parents) == len(spans):
        return list(spans)
    kept = []
    for span in spans:
        if span.noise:
            continue
        parent, passed = span.parent, set[str]()
        while parent in parents and parent not in passed:
            passed.add(parent)
            parent = parents[parent]
        kept.append(span if parent == span.parent else span._replace(parent=parent))
    return kept


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
