"""How good the versions of an agent are: telemetry, scores and flags together with what people decided and what came of
it. A fixed number of queries, each bounded, whatever the traffic."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from agents.models import Project
from metrics import evaluation
from metrics.evaluation import FEWEST_OF_GROUP, MOST_GROUPS, NONE, Evaluation, Facts, Group, Standard
from metrics.models import EvaluationStandard
from metrics.ranges import TimeRange
from metrics.selectors import agents, flags, overview, rollups
from metrics.selectors import evaluation as telemetry
from metrics.selectors.agents import MOST_VERSIONS, Version
from metrics.selectors.evaluation import SampledTrace
from metrics.selectors.flags import Counts
from metrics.services.evaluations import Written
from metrics.statistics import Share
from metrics.times import to_ns
from metrics.trace_filter import TraceFilter
from reviews.selectors.asked import Asked, asked_by

TRACES_READ = 5_000
REQUESTS_READ = 5_000
"""The newest traces, and requests for approval, of all versions of an agent together."""
CORRECTNESS, ERRORS = "correctness", "errors"
INJECTION = "injection"
"""The kind of flag that says something tried to turn the agent against its task."""


Row = TypeVar("Row", SampledTrace, Asked)


@dataclass(frozen=True)
class VersionEvaluation:
    """One version of an agent; `requests` of all its time in the window."""

    version: str
    requests: int
    facts: Facts
    evaluation: Evaluation

    @property
    def written(self) -> Written:
        """As it is written down."""
        return Written(self.version, self.requests, self.evaluation)


@dataclass(frozen=True)
class AgentEvaluation:
    """The versions of an agent, those used most first, by the project's standard. `capped`: not every trace or request
    of the window was read, but the newest."""

    versions: list[VersionEvaluation]
    standard: Standard
    row: EvaluationStandard
    traces: int
    asked: int

    @property
    def capped(self) -> bool:
        return self.traces >= TRACES_READ or self.asked >= REQUESTS_READ


@dataclass(frozen=True)
class _Known:
    """What was read of all versions together."""

    telemetry: Mapping[str, Version]
    traces: Mapping[str, Sequence[SampledTrace]]
    asked: Mapping[str, Sequence[Asked]]
    scored: Mapping[bytes, bool]
    guardrails: Mapping[str, Share]
    flags: Mapping[str, Counts]
    groups_by: str


def of_agent(project: Project, agent: str, window: TimeRange) -> AgentEvaluation | None:
    """The evaluation of an agent's versions in a window; None for an agent that nobody knows."""
    row = telemetry.standard_row(project)
    line = agents.known(project.pk, agent, window)
    asked = asked_by(project, agent=agent, since=window.start, until=window.end, most=REQUESTS_READ)
    if line is None and not asked and not agents.was_active(project.pk, agent, window.now):
        return None
    reading = overview.reading(project.pk, window, {"agent": agent}, since=window.start)
    chosen = TraceFilter(agent=agent, start_ns=to_ns(window.start), end_ns=to_ns(window.end))
    traces = telemetry.sampled(project.pk, chosen, most=TRACES_READ, attribute=row.attribute)
    called = line is not None and line.called
    scored = telemetry.judged(project.pk, [one.trace_id for one in traces], row.score_names)
    known = _Known(
        telemetry={one.name: one for one in agents.versions(reading, agent, called=called)},
        traces=_by_version(traces),
        asked=_by_version(asked),
        scored=scored,
        guardrails=telemetry.guardrails(reading, agent),
        flags=flags.counts_by_version(project, agent, *window.utc_days),
        groups_by=_groups_by(traces, _right(traces, asked, scored)),
    )
    standard = telemetry.standard_of(row)
    versions = [_version(name, known, standard) for name in _names(known)]
    return AgentEvaluation(versions, standard, row, len(traces), len(asked))


def _by_version(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.version].append(row)
    return dict(found)


def _names(known: _Known) -> list[str]:
    """The versions to show: those with most requests, then those that asked for most."""
    others = sorted(set(known.asked) - set(known.telemetry), key=lambda name: (-len(known.asked[name]), name))
    return [*known.telemetry, *others][:MOST_VERSIONS]


def _version(name: str, known: _Known, standard: Standard) -> VersionEvaluation:
    seen = known.telemetry.get(name)
    traces, asked = known.traces.get(name, ()), known.asked.get(name, ())
    right = _right(traces, asked, known.scored)
    facts = Facts(
        right=Share(sum(right.values()), len(right)),
        durations=rollups.merged(seen.durations) if seen else (),
        failed=Share(seen.errors, seen.requests) if seen else NONE,
        timed_out=Share(sum(one.timed_out for one in traces), len(traces)),
        recovered=Share(sum(one.recovered for one in traces), len(traces)),
        clean=_clean(known.guardrails.get(name, NONE), known.flags.get(name)),
        explained=Share(sum(one.explained for one in asked), sum(one.actions for one in asked)),
        groups=_groups(traces, right if known.groups_by == CORRECTNESS else None),
        groups_by=known.groups_by,
    )
    requests = seen.requests if seen else 0
    return VersionEvaluation(name, requests, facts, evaluation.evaluate(facts, standard))


def _right(
    traces: Sequence[SampledTrace], asked: Sequence[Asked], scored: Mapping[bytes, bool]
) -> dict[tuple[bytes, int], bool]:
    """Whether each judged case was right, by its trace and its place in it. What came of an action outweighs what
    somebody thought of the trace: a trace with known outcomes has one case for each of them, any other with a score one
    for its scores."""
    found: dict[tuple[bytes, int], bool] = {}
    cases: Counter[bytes] = Counter()
    for one in asked:
        if one.went_well is not None:
            cases[one.trace_id] += 1
            found[one.trace_id, cases[one.trace_id]] = one.went_well
    for trace in traces:
        if trace.trace_id in scored and not cases[trace.trace_id]:
            found[trace.trace_id, 0] = scored[trace.trace_id]
    return found


def _clean(guardrails: Share, found: Counts | None) -> Share:
    """Checks that found nothing: each trace of which the text was checked, and each run of a guardrail, is one."""
    if found is None:
        return guardrails
    checked, flagged = found.checked.traces, found.flagged(INJECTION).traces
    return Share(guardrails.part + max(checked - flagged, 0), guardrails.whole + checked)


def _groups(traces: Sequence[SampledTrace], right: Mapping[tuple[bytes, int], bool] | None) -> list[Group]:
    """The groups of the attribute, and how many of their cases were right; without `right` how many traces have not
    failed."""
    if right is None:
        return _tally((one.group, not one.failed) for one in traces if one.group)
    of_trace = {one.trace_id: one.group for one in traces if one.group}
    return _tally((of_trace[trace], well) for (trace, _place), well in right.items() if trace in of_trace)


def _groups_by(traces: Sequence[SampledTrace], right: Mapping[tuple[bytes, int], bool]) -> str:
    """What "went well" means for the groups, the same for every version so that they compare: being right, where two
    groups at least have enough judged cases in all versions together, else not having failed."""
    enough = sum(one.well.whole >= FEWEST_OF_GROUP for one in _groups(traces, right))
    return CORRECTNESS if enough >= 2 else ERRORS


def _tally(cases: Iterable[tuple[str, bool]]) -> list[Group]:
    well: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for name, fine in cases:
        whole[name] += 1
        well[name] += fine
    return [Group(name, Share(well[name], count)) for name, count in whole.most_common(MOST_GROUPS)]
