"""Lists of traces by keyset: any page costs the same, and ties are broken by the trace id."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from django.db.models import BigIntegerField, F, Q, QuerySet
from django.db.models.functions import Cast

from metrics.models import Trace

STATUSES = ("ok", "error", "waiting")
# What can be sorted by, always largest first, and the expression that is compared.
SORTS: dict[str, Any] = {
    "start": F("start_ns"),
    "duration": F("duration_ns"),
    "cost": F("cost_nanos"),
    "tokens": F("input_tokens") + F("output_tokens"),
}


@dataclass(frozen=True, slots=True)
class TraceFilter:
    """What a list of traces is narrowed to; empty values do not narrow. Costs in nano-USD, durations in ns."""

    status: str = ""
    agent: str = ""
    model: str = ""
    session: str = ""
    user: str = ""
    environment: str = ""
    tag: str = ""
    name: str = ""
    errors: bool = False
    min_cost_nanos: int = 0
    min_duration_ns: int = 0
    start_ns: int | None = None
    end_ns: int | None = None

    @property
    def narrows(self) -> bool:
        """Whether anything but the time is filtered."""
        return any(getattr(self, item.name) for item in fields(self) if item.name not in {"start_ns", "end_ns"})


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a sorted list: the sort value and the id of the trace there."""

    value: int
    trace_id: bytes


@dataclass(frozen=True, slots=True)
class TracePage:
    """One page, in order, and where the pages before and after it begin. Its traces also carry `total_tokens`."""

    traces: Sequence[Trace]
    before: Position | None = None
    after: Position | None = None


@dataclass(frozen=True, slots=True)
class FilterChoices:
    """Values that occur in recent traces, for the lists of the filter bar."""

    agents: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    environments: list[str] = field(default_factory=list)


def filtered(project_id: int, chosen: TraceFilter) -> QuerySet[Trace]:
    """The traces of a project that a filter keeps, unsorted."""
    conditions: dict[str, Any] = {"project_id": project_id}
    plain = {
        "status": chosen.status,
        "session_id": chosen.session,
        "user_id": chosen.user,
        "environment": chosen.environment,
        "root_name__istartswith": chosen.name,
        "error_count__gte": int(chosen.errors),
        "cost_nanos__gte": chosen.min_cost_nanos,
        "duration_ns__gte": chosen.min_duration_ns,
    }
    conditions |= {key: value for key, value in plain.items() if value}
    for key, value in {"agents": chosen.agent, "models": chosen.model, "tags": chosen.tag}.items():
        if value:
            conditions[f"{key}__contains"] = [value]
    if chosen.start_ns is not None:
        conditions["start_ns__gte"] = chosen.start_ns
    if chosen.end_ns is not None:
        conditions["start_ns__lt"] = chosen.end_ns
    return Trace.objects.filter(**conditions)


def page(
    project_id: int,
    chosen: TraceFilter,
    *,
    sort: str = "start",
    limit: int = 50,
    after: Position | None = None,
    before: Position | None = None,
) -> TracePage:
    """Up to `limit` traces, largest `sort` value first, behind `after` or in front of `before`. One query."""
    rows = filtered(project_id, chosen).annotate(
        sort_value=Cast(SORTS[sort], BigIntegerField()), total_tokens=SORTS["tokens"]
    )
    if before is not None:
        ascending = rows.filter(_beyond("gt", before)).order_by("sort_value", "trace_id")
        found = list(reversed(ascending[: limit + 1]))
        more_before, more_after = len(found) > limit, True
        found = found[-limit:]
    else:
        if after is not None:
            rows = rows.filter(_beyond("lt", after))
        found = list(rows.order_by("-sort_value", "-trace_id")[: limit + 1])
        more_before, more_after = after is not None, len(found) > limit
        found = found[:limit]
    return TracePage(
        traces=found,
        before=_position(found[0]) if found and more_before else None,
        after=_position(found[-1]) if found and more_after else None,
    )


def _beyond(direction: str, position: Position) -> Q:
    """Behind a position in a list sorted by (value, id). The first term alone lets PostgreSQL use an index."""
    return Q(**{f"sort_value__{direction}e": position.value}) & (
        Q(**{f"sort_value__{direction}": position.value}) | Q(**{f"trace_id__{direction}": position.trace_id})
    )


def _position(trace: Any) -> Position:
    return Position(value=trace.sort_value, trace_id=bytes(trace.trace_id))


def find(project_id: int, trace_id: bytes) -> Trace | None:
    """The summary of one trace of the project."""
    return Trace.objects.filter(project_id=project_id, trace_id=trace_id).first()


def newest(project_id: int) -> Trace | None:
    """The trace that started last, or None for a project that has sent nothing yet."""
    return Trace.objects.filter(project_id=project_id).order_by("-start_ns", "-trace_id").first()


def count_newer(project_id: int, chosen: TraceFilter, *, than_ns: int, most: int = 100) -> int:
    """How many matching traces began after `than_ns`; stops counting at `most`."""
    rows = filtered(project_id, chosen).filter(start_ns__gt=than_ns)
    return len(rows.values_list("start_ns", flat=True)[:most])


def choices(project_id: int, *, most: int = 1_000) -> FilterChoices:
    """Agents, models and environments of the last `most` traces, alphabetically."""
    recent = Trace.objects.filter(project_id=project_id).order_by("-start_ns")[:most]
    agents: set[str] = set()
    models: set[str] = set()
    environments: set[str] = set()
    for of_agents, of_models, environment in recent.values_list("agents", "models", "environment"):
        agents.update(of_agents)
        models.update(of_models)
        environments.add(environment)
    return FilterChoices(sorted(agents), sorted(models), sorted(environments - {""}))
