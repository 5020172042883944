"""What checks of text have found: the flags of spans, and how many there were."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import Sum

from agents.models import Project
from metrics.models import CheckPolicy, Flag, FlagCount, Span, Trace

# Spans of one trace whose flags are shown; more than a trace page draws.
MOST_FLAGGED = 5_000


@dataclass(frozen=True, slots=True)
class Counted:
    """So many spans, in so many traces."""

    spans: int = 0
    traces: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """What was checked, and what of it was flagged by kind (`injection`) and by pattern (`injection.override`).

    Whatever has not been flagged has no entry: ask `flagged`.
    """

    checked: Counted = Counted()
    by_name: Mapping[str, Counted] = field(default_factory=dict)

    def flagged(self, name: str) -> Counted:
        """What has a flag of a kind, or of a pattern."""
        return self.by_name.get(name, Counted())


def counts(project: Project, agent: str, version: str | None, since: date, until: date) -> Counts:
    """The counts of one agent's spans and traces that began on the UTC days from `since` to `until`, both included.

    `version` None takes all versions together: a trace with spans of two versions then counts twice. Telemetry is
    checked some seconds after it arrived. One query of the days, whatever they hold.
    """
    rows = FlagCount.objects.filter(project_id=project.pk, agent=agent, day__gte=since, day__lte=until)
    if version is not None:
        rows = rows.filter(agent_version=version)
    found = {
        name: Counted(spans, traces)
        for name, spans, traces in rows.values_list("name").annotate(Sum("spans"), Sum("traces"))
    }
    return Counts(found.pop("", Counted()), found)


def counts_by_version(project: Project, agent: str, since: date, until: date) -> dict[str, Counts]:
    """As `counts`, for every version of the agent that was checked on these days. One query."""
    rows = FlagCount.objects.filter(project_id=project.pk, agent=agent, day__gte=since, day__lte=until)
    found: dict[str, dict[str, Counted]] = defaultdict(dict)
    for version, name, spans, traces in rows.values_list("agent_version", "name").annotate(Sum("spans"), Sum("traces")):
        found[version][name] = Counted(spans, traces)
    return {version: Counts(names.pop("", Counted()), names) for version, names in found.items()}


def of_trace(trace: Trace) -> dict[str, list[dict[str, Any]]]:
    """The flags of a trace's spans, by the id of the span in hex. One query of one trace."""
    rows = Flag.objects.filter(
        project_id=trace.project_id,
        trace_id=bytes(trace.trace_id),
        start_ns__gte=trace.start_ns,
        start_ns__lte=trace.end_ns,
    )
    return {bytes(span_id).hex(): found for span_id, found in rows.values_list("span_id", "flags")[:MOST_FLAGGED]}


def of_span(span: Span) -> list[dict[str, Any]]:
    """The flags of a span, the gravest first."""
    rows = Flag.objects.filter(
        project_id=span.project_id,
        trace_id=bytes(span.trace_id),
        span_id=bytes(span.span_id),
        start_ns=span.start_ns,
    )
    return next(iter(rows.values_list("flags", flat=True)), [])


def off(project_id: int) -> frozenset[str]:
    """The ids of the patterns that a project does without."""
    row = CheckPolicy.objects.filter(pk=project_id).values_list("off", flat=True).first()
    return frozenset(row or ())


def seen_since(project: Project, day: date) -> dict[str, int]:
    """How many spans each pattern has flagged since a day (UTC), by its id."""
    rows = FlagCount.objects.filter(project_id=project.pk, day__gte=day, name__contains=".")
    return dict(rows.values_list("name").annotate(Sum("spans")))
