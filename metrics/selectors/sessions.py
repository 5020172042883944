"""Sessions: the list, newest activity first, and the traces of one with what they said."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from django.db.models import Q

from metrics.conversation import Message
from metrics.dialogue import said
from metrics.models import Session, Span, Trace
from metrics.selectors import details
from metrics.selectors.bounded import ROWS_PER_REQUEST, SLICE_ROWS, Ordered, Place, next_slice

TABLE = Ordered("metrics_session", "last_ns", "session_id")
# Spans of a trace that are looked at for what was said: entry spans, and when they say nothing the last model call.
ENTRIES_READ = 3
HEADS_READ = 50_000
RECENT_READ = 1_000

# Before any trace.
BEGINNING = Place(0, b"")


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """What a list of sessions is narrowed to; empty values do not narrow. The time is that of the last activity."""

    user: str = ""
    agent: str = ""
    environment: str = ""
    status: str = ""
    start_ns: int | None = None
    end_ns: int | None = None

    @property
    def narrows(self) -> bool:
        """Whether anything but the time is filtered."""
        return any(getattr(self, item.name) for item in fields(self) if item.name not in {"start_ns", "end_ns"})


@dataclass(frozen=True, slots=True)
class SessionPage:
    """Sessions, newest activity first. `stopped_ns`: how far back the search came when it gave up."""

    sessions: Sequence[Session]
    after: Place | None = None
    stopped_ns: int | None = None


@dataclass(frozen=True, slots=True)
class TracePart:
    """Some traces of a session, oldest first, and whether there are more on either side."""

    traces: list[Trace]
    earlier: bool
    later: bool


@dataclass(frozen=True, slots=True)
class Said:
    """What went into a trace and what came out of it."""

    went_in: list[Message] = field(default_factory=list)
    came_out: list[Message] = field(default_factory=list)


def page(project_id: int, chosen: SessionFilter, *, limit: int = 50, after: Place | None = None) -> SessionPage:
    """Up to `limit` matching sessions behind `after`. Reads at most ROWS_PER_REQUEST rows."""
    driver, fits, parameters = _conditions(chosen)
    found: list[Place] = []
    for _ in range(ROWS_PER_REQUEST // SLICE_ROWS):
        part = next_slice(
            TABLE, project_id=project_id, driver=driver, fits=fits, parameters=parameters,
            start_ns=chosen.start_ns, end_ns=chosen.end_ns, after=after,
        )  # fmt: skip
        found += part.places
        if len(found) > limit:
            return SessionPage(_read(project_id, found[:limit]), after=found[limit - 1])
        if part.end is None:
            return SessionPage(_read(project_id, found))
        after = part.end
    return SessionPage(_read(project_id, found), after=after, stopped_ns=after.ns if after else None)


def _conditions(chosen: SessionFilter) -> tuple[str, str, dict[str, Any]]:
    """The condition that an index serves, the others, and their parameters."""
    conditions = {
        "agent": "%(agent)s = ANY (agents)",
        "environment": "environment = %(environment)s",
        "status": "last_status = %(status)s",
    }
    asked = [name for name in conditions if getattr(chosen, name)]
    parameters: dict[str, Any] = {name: getattr(chosen, name) for name in asked} | {"user": chosen.user}
    driver = "user_id <> '' AND user_id = %(user)s" if chosen.user else "true"
    return driver, " AND ".join(conditions[name] for name in asked) or "true", parameters


def _read(project_id: int, places: Sequence[Place]) -> list[Session]:
    rows = Session.objects.filter(project_id=project_id, session_id__in=[place.id for place in places])
    by_id = {row.session_id: row for row in rows}
    return [by_id[place.id] for place in places if place.id in by_id]


def find(project_id: int, session_id: str) -> Session | None:
    """The summary of one session."""
    return Session.objects.filter(project_id=project_id, session_id=session_id).first()


def newest(project_id: int) -> Session | None:
    """The session that was active last, or None for a project without sessions."""
    return Session.objects.filter(project_id=project_id).order_by("-last_ns", "-session_id").first()


def choices(project_id: int) -> tuple[list[str], list[str]]:
    """Agents and environments of the RECENT_READ latest sessions, alphabetically."""
    recent = Session.objects.filter(project_id=project_id).order_by("-last_ns", "-session_id")[:RECENT_READ]
    rows = list(recent.values_list("agents", "environment"))
    return sorted({agent for agents, _ in rows for agent in agents}), sorted({place for _, place in rows} - {""})


def traces(session: Session, *, limit: int, after: Place | None = None, before: Place | None = None) -> TracePart:
    """Up to `limit` traces of a session, oldest first: those behind `after`, before `before`, or the last ones."""
    rows = Trace.objects.filter(project_id=session.project_id, session_id=session.session_id)
    if after is not None:
        behind = Q(start_ns__gte=after.ns) & (Q(start_ns__gt=after.ns) | Q(trace_id__gt=after.id))
        found = list(rows.filter(behind).order_by("start_ns", "trace_id")[: limit + 1])
        return TracePart(found[:limit], earlier=True, later=len(found) > limit)
    if before is not None:
        rows = rows.filter(start_ns__lte=before.ns).filter(Q(start_ns__lt=before.ns) | Q(trace_id__lt=before.id))
    found = list(rows.order_by("-start_ns", "-trace_id")[: limit + 1])
    return TracePart(found[:limit][::-1], earlier=len(found) > limit, later=before is not None)


def place_of(trace: Trace) -> Place:
    """Where a trace stands in its session."""
    return Place(trace.start_ns, bytes(trace.trace_id))


def conversation(shown: Sequence[Trace]) -> list[Said]:
    """What went into traces and came out of them, in their order. At most four queries, however many there are."""
    if not shown:
        return []
    spans = _speaking(shown)
    by_trace: dict[bytes, list[tuple[Span, details.Detail]]] = defaultdict(list)
    for span, detail in zip(spans, details.of_traces(shown, spans), strict=True):
        by_trace[bytes(span.trace_id)].append((span, detail))
    found = []
    for trace in shown:
        of_trace = by_trace[bytes(trace.trace_id)]
        entries = [(one.input, one.output) for span, one in of_trace if span.entry]
        calls = [(one.input, one.output) for span, one in of_trace if not span.entry]
        found.append(Said(*said([*entries, *calls])))
    return found


def _speaking(shown: Sequence[Trace]) -> list[Span]:
    """The first entry spans of each trace and its last model call, whole. Two queries."""
    rows = Span.objects.filter(
        project_id=shown[0].project_id,
        trace_id__in=[bytes(trace.trace_id) for trace in shown],
        start_ns__gte=min(trace.start_ns for trace in shown),
        start_ns__lte=max(trace.end_ns for trace in shown),
    ).order_by("start_ns", "span_id")
    heads = rows.filter(Q(entry=True) | Q(kind="llm")).values_list("trace_id", "span_id", "start_ns", "entry")
    entries: dict[bytes, list[tuple[bytes, int]]] = defaultdict(list)
    calls: dict[bytes, tuple[bytes, int]] = {}
    for trace_id, span_id, start_ns, entry in heads[:HEADS_READ]:
        if not entry:
            calls[bytes(trace_id)] = (bytes(span_id), start_ns)
        elif len(entries[bytes(trace_id)]) < ENTRIES_READ:
            entries[bytes(trace_id)].append((bytes(span_id), start_ns))
    wanted = {(trace_id, *key) for trace_id, keys in entries.items() for key in keys}
    wanted |= {(trace_id, *key) for trace_id, key in calls.items()}
    found = rows.filter(span_id__in={span_id for _, span_id, _ in wanted})
    return [span for span in found if (bytes(span.trace_id), bytes(span.span_id), span.start_ns) in wanted]
