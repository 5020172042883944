"""Search in log records, newest first. It reads a bounded number of records and says how far back it came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from metrics.ingest.packing import Unreadable, unpack
from metrics.ingest.reading import plain
from metrics.models import Log
from metrics.selectors.bounded import ROWS_PER_REQUEST, SLICE_ROWS, Ordered, Place, Slice, next_slice

TABLE = Ordered("metrics_log", "time_ns", "id")
# By the first number of each (OpenTelemetry, Logs Data Model, field SeverityNumber).
SEVERITIES = {"trace": 1, "debug": 5, "info": 9, "warn": 13, "error": 17, "fatal": 21}
# Records that a search for an attribute opens: attributes are packed.
OPENED_PER_REQUEST = 3_000
OPENED_AT_ONCE = 500
RECENT_READ = 1_000


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What a list of log records is narrowed to; empty values do not narrow.

    `severity` is the smallest number; `words` must all occur in the body, in any case; `attributes` are pairs of a key
    and the text of its value, of the record, its scope or its resource.
    """

    severity: int = 0
    service: str = ""
    environment: str = ""
    event: str = ""
    trace_id: bytes | None = None
    span_id: bytes | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    words: tuple[str, ...] = ()
    start_ns: int | None = None
    end_ns: int | None = None

    @property
    def narrows(self) -> bool:
        """Whether anything but the time is filtered."""
        return any(getattr(self, item.name) for item in fields(self) if item.name not in {"start_ns", "end_ns"})


@dataclass(frozen=True, slots=True)
class LogPage:
    """Records, newest first. `after` is where to go on; `stopped_ns` how far back the search came if it gave up."""

    logs: Sequence[Log]
    after: Place | None = None
    stopped_ns: int | None = None


class Content(NamedTuple):
    """What a record carries beyond its columns."""

    body: Any
    attributes: dict[str, Any]
    resource: dict[str, Any]
    scope: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LogChoices:
    """Values that occur in recent records, for the lists of the filter bar."""

    services: list[str] = field(default_factory=list)
    environments: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)


def page(project_id: int, chosen: LogFilter, *, limit: int = 50, after: Place | None = None) -> LogPage:
    """Up to `limit` matching records behind `after`.

    Reads at most ROWS_PER_REQUEST records and opens at most OPENED_PER_REQUEST of them.
    """
    found: list[Log] = []
    opened = 0
    for _ in range(ROWS_PER_REQUEST // SLICE_ROWS):
        part = _slice(project_id, chosen, after)
        step = OPENED_AT_ONCE if chosen.attributes else limit + 1
        for start in range(0, len(part.places), step):
            places = part.places[start : start + step]
            found += [log for log in _read(project_id, places) if _has(log, chosen.attributes)]
            opened += len(places)
            after = places[-1]
            if len(found) > limit:
                return LogPage(found[:limit], after=_place(found[limit - 1]))
            if chosen.attributes and opened >= OPENED_PER_REQUEST:
                return LogPage(found, after=after, stopped_ns=after.ns)
        if part.end is None:
            return LogPage(found)
        after = part.end
    return LogPage(found, after=after, stopped_ns=after.ns if after else None)


def _slice(project_id: int, chosen: LogFilter, after: Place | None) -> Slice:
    driver, fits, parameters = _conditions(chosen)
    return next_slice(
        TABLE,
        project_id=project_id,
        driver=driver,
        fits=" AND ".join(fits) or "true",
        parameters=parameters,
        start_ns=chosen.start_ns,
        end_ns=chosen.end_ns,
        after=after,
    )


def _conditions(chosen: LogFilter) -> tuple[str, list[str], dict[str, Any]]:
    """The condition that an index serves, the others, and their parameters."""
    conditions = {
        "trace_id": (chosen.trace_id is not None, "trace_id = %(trace_id)s", chosen.trace_id),
        "event": (chosen.event, "event_name <> '' AND event_name = %(event)s", chosen.event),
        "severity": (chosen.severity, "severity >= %(severity)s", chosen.severity),
        "span_id": (chosen.span_id is not None, "span_id = %(span_id)s", chosen.span_id),
        "service": (chosen.service, "service = %(service)s", chosen.service),
        "environment": (chosen.environment, "environment = %(environment)s", chosen.environment),
    }
    asked = {name: (sql, value) for name, (given, sql, value) in conditions.items() if given}
    parameters = {name: value for name, (_, value) in asked.items()}
    indexed = [name for name in ("trace_id", "event", "severity") if name in asked]
    if indexed == ["severity"] and chosen.severity < SEVERITIES["error"]:
        indexed = []  # the index is one of errors
    driver = asked[indexed[0]][0] if indexed else "true"
    fits = [sql for name, (sql, _) in asked.items() if name not in indexed[:1]]
    for number, word in enumerate(chosen.words):
        fits.append(f"strpos(lower(body), lower(%(word{number})s)) > 0")
        parameters[f"word{number}"] = word
    return driver, fits, parameters


def _read(project_id: int, places: Sequence[Place]) -> list[Log]:
    """Whole records at places, in their order."""
    if not places:
        return []
    wanted = {(place.ns, place.id): number for number, place in enumerate(places)}
    rows = Log.objects.filter(
        project_id=project_id, time_ns__in=[place.ns for place in places], id__in=[place.id for place in places]
    )
    # The same content at another of these times is another record.
    kept = {wanted[key]: row for row in rows if (key := (row.time_ns, bytes(row.id))) in wanted}
    return [kept[number] for number in sorted(kept)]


def _place(log: Log) -> Place:
    return Place(log.time_ns, bytes(log.id))


def _has(log: Log, attributes: Sequence[tuple[str, str]]) -> bool:
    if not attributes:
        return True
    content = content_of(log)
    said: tuple[Mapping[str, Any], ...] = (content.attributes, content.resource, content.scope)
    return all(any(key in part and plain(part[key]) == value for part in said) for key, value in attributes)


def content_of(log: Log) -> Content:
    """The structured body and the attributes; of a damaged value nothing: the columns are still there."""
    try:
        found = unpack(log.detail)
    except Unreadable:
        found = {}
    return Content(
        found.get("body"), found.get("attributes") or {}, found.get("resource") or {}, found.get("scope") or {}
    )


def one(project_id: int, time_ns: int, log_id: bytes) -> Log | None:
    """One record, whole."""
    return Log.objects.filter(project_id=project_id, time_ns=time_ns, id=log_id).first()


def newest(project_id: int) -> Log | None:
    """The latest record, or None for a project that has sent no logs yet."""
    return Log.objects.filter(project_id=project_id).order_by("-time_ns", "-id").defer("detail").first()


def choices(project_id: int) -> LogChoices:
    """Services, environments and event names of the last RECENT_READ records, alphabetically."""
    recent = Log.objects.filter(project_id=project_id).order_by("-time_ns", "-id")
    rows = recent.values_list("service", "environment", "event_name")[:RECENT_READ]
    services, environments, events = (sorted({row[place] for row in rows} - {""}) for place in range(3))
    return LogChoices(services, environments, events)
