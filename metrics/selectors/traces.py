"""Lists of traces by keyset: any page costs the same, and ties are broken by the trace id."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from django.db.models import F

from metrics.models import Trace
from metrics.selectors import search, trace_scan
from metrics.selectors.trace_scan import Position
from metrics.trace_filter import Order, TraceFilter

NEWEST_FIRST = Order()


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


def page(
    project_id: int,
    chosen: TraceFilter,
    *,
    order: Order = NEWEST_FIRST,
    limit: int = 50,
    after: Position | None = None,
    before: Position | None = None,
) -> TracePage:
    """Up to `limit` traces in this order, behind `after` or in front of `before`. At most seven queries."""
    matching = search.matching(project_id, chosen)
    backwards = before is not None
    found = trace_scan.first(matching, order, limit=limit + 1, beyond=before or after, backwards=backwards)
    more, found = len(found) > limit, found[:limit]
    more_before, more_after = (more, True) if backwards else (after is not None, more)
    if backwards:
        found.reverse()
    return TracePage(
        traces=_rows(project_id, found),
        before=found[0] if found and more_before else None,
        after=found[-1] if found and more_after else None,
    )


def _rows(project_id: int, places: Sequence[Position]) -> list[Trace]:
    """The traces at these places, in their order."""
    wanted = [place.trace_id for place in places]
    total = F("input_tokens") + F("output_tokens")
    rows = Trace.objects.filter(project_id=project_id, trace_id__in=wanted).annotate(total_tokens=total)
    by_id = {bytes(row.trace_id): row for row in rows}
    return [by_id[trace_id] for trace_id in wanted if trace_id in by_id]


def find(project_id: int, trace_id: bytes) -> Trace | None:
    """The summary of one trace of the project."""
    return Trace.objects.filter(project_id=project_id, trace_id=trace_id).first()


def newest(project_id: int) -> Trace | None:
    """The trace that started last, or None for a project that has sent nothing yet."""
    return Trace.objects.filter(project_id=project_id).order_by("-start_ns", "-trace_id").first()


def count_newer(project_id: int, chosen: TraceFilter, *, than_ns: int, most: int = 100) -> int:
    """How many matching traces began after `than_ns`; stops counting at `most`."""
    wanted = search.matching(project_id, replace(chosen, start_ns=than_ns + 1, end_ns=None))
    return len(trace_scan.first(wanted, NEWEST_FIRST, limit=most))


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
