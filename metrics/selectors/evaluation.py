"""What telemetry knows of how good a version is: a bounded sample of traces, their scores, guardrails, and the history.

Counts and durations come from the rollups and are of everything. What only traces know is of the newest ones, at most
so many as the caller says; whoever shows it says of how many it is.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Avg, Count, F, Q, Sum
from django.db.models.fields.json import KeyTextTransform

from agents.models import Project
from metrics.evaluation import Dimension, Standard
from metrics.models import Evaluation, EvaluationStandard, Score, Trace
from metrics.models.score_config import DataType
from metrics.score_rules import scale
from metrics.selectors import rollups, score_configs, search, trace_scan
from metrics.selectors.overview import Reading
from metrics.selectors.traces import NEWEST_FIRST
from metrics.statistics import Share
from metrics.trace_filter import TraceFilter

TIMEOUT_WORDS = ("timeout", "timedout", "timed_out", "timed out", "deadline")
RIGHT_FROM = 0.5
"""From this part of its scale on a score says that the trace was right."""
ROUNDING = 1e-9
"""Half of a scale from 0.1 to 0.7 is not exactly half in floating point."""
MOST_HISTORY = 1_000


@dataclass(frozen=True, slots=True)
class SampledTrace:
    """One trace of the sample. `version` is that of its root; `group` the value of the attribute asked for, "" for
    none; `cost_nanos` None where a price is not known."""

    trace_id: bytes
    version: str
    status: str
    errors: int
    timed_out: bool
    group: str
    duration_ns: int
    cost_nanos: int | None

    @property
    def failed(self) -> bool:
        return self.status == "error"

    @property
    def recovered(self) -> bool:
        """Whether a step failed and the trace came through: it was tried again, or the failure handled."""
        return self.status == "ok" and self.errors > 0


def standard_row(project: Project) -> EvaluationStandard:
    """What the project asks of its agents: its own row, or the defaults, unsaved."""
    return EvaluationStandard.objects.filter(pk=project.pk).first() or EvaluationStandard(project=project)


def standard_of(row: EvaluationStandard) -> Standard:
    """The targets and weights of a row."""
    return Standard(
        {name: float(row.targets[name]) for name in Dimension}, {name: float(row.weights[name]) for name in Dimension}
    )


def sampled(project_id: int, chosen: TraceFilter, *, most: int, attribute: str = "") -> list[SampledTrace]:
    """The newest traces that match, at most so many. At most five queries."""
    places = trace_scan.first(search.matching(project_id, chosen), NEWEST_FIRST, limit=most)
    rows = Trace.objects.filter(project_id=project_id, trace_id__in=[place.trace_id for place in places])
    # Without an attribute a column that is there anyway.
    group = KeyTextTransform(attribute, "metadata") if attribute else F("agent_version")
    columns = (
        "trace_id", "agent_version", "status", "error_count", "error_types", "duration_ns", "cost_nanos",
        "unpriced_count",
    )  # fmt: skip
    return [
        SampledTrace(
            trace_id=bytes(trace_id),
            version=version,
            status=status,
            errors=errors,
            timed_out=_timed_out(types),
            group=str(value or "") if attribute else "",
            duration_ns=duration,
            cost_nanos=None if unpriced and not cost else cost,
        )
        for trace_id, version, status, errors, types, duration, cost, unpriced, value in rows.annotate(
            group=group
        ).values_list(*columns, "group")
    ]


def _timed_out(error_types: Sequence[str]) -> bool:
    """Whether the name of an error says that time ran out: TimeoutError, httpx.ReadTimeout, deadline_exceeded."""
    return any(word in one.lower() for one in error_types for word in TIMEOUT_WORDS)


def judged(project_id: int, trace_ids: Collection[bytes], names: Sequence[str]) -> dict[bytes, bool]:
    """Whether traces were right by the mean of their scores of these names, those of their spans included; traces
    without such a score are left out. Each score counts by the scale of its name and type (metrics.score_rules.scale),
    and outside of it not at all. Two queries."""
    rules = score_configs.rules(project_id, names)
    spelled = {*names, *(rule.name for rule in rules.values())}
    scales = {(name, sort): scale(rules.get(name.lower()), sort) for name in spelled for sort in ("", *DataType.values)}
    counted = Q(pk__in=[])
    for (name, sort), ends in scales.items():
        if ends is not None:
            counted |= Q(name=name, data_type=sort, value__range=ends)
    found = Score.objects.filter(counted, project_id=project_id, trace_id__in=list(trace_ids)).order_by()
    summed: dict[bytes, float] = defaultdict(float)
    of: Counter[bytes] = Counter()
    for trace_id, name, sort, mean, count in found.values_list("trace_id", "name", "data_type").annotate(
        Avg("value"), Count("pk")
    ):
        ends = scales[name, sort]
        if trace_id is None or ends is None:
            continue
        least, most = ends
        of[bytes(trace_id)] += count
        summed[bytes(trace_id)] += count * (mean - least) / (most - least)
    return {trace_id: summed[trace_id] / count >= RIGHT_FROM - ROUNDING for trace_id, count in of.items()}


def guardrails(asked: Reading, agent: str) -> dict[str, Share]:
    """How many runs of guardrails in an agent's versions ended without an error. One query."""
    parts = rollups.cover([asked.window.start, asked.window.end], asked.state)
    rows = rollups.rows(asked.project_id, parts, agent=agent, kind="guardrail").order_by()
    found = rows.values_list("agent_version").annotate(runs=Sum("span_count"), failed=Sum("error_count"))
    return {version: Share(int(runs - failed), int(runs)) for version, runs, failed in found if runs}


def history(project: Project, agent: str, since: date) -> dict[str, list[Evaluation]]:
    """What was written down of an agent's versions since a day, oldest first, at most MOST_HISTORY rows."""
    rows = Evaluation.objects.filter(project=project, agent=agent, day__gte=since)
    found: dict[str, list[Evaluation]] = defaultdict(list)
    for row in reversed(rows.order_by("-day", "agent_version")[:MOST_HISTORY]):
        found[row.agent_version].append(row)
    return dict(found)
