"""The two sides of a comparison: bounded samples of the newest traces, and of the requests that belong to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from agents.models import Project
from metrics.selectors import evaluation as telemetry
from metrics.statistics import Share
from metrics.times import to_ns
from metrics.trace_filter import TraceFilter
from reviews.comparing import Side
from reviews.selectors.asked import approvals, asked_by, asked_in, outcomes

TRACES_READ = 2_000
REQUESTS_READ = 2_000
"""Of each side."""
SECONDS = 1e9
FIELDS = ("agent", "version", "model", "environment", "tag")


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What one side is; empty values do not narrow."""

    start: datetime
    end: datetime
    agent: str = ""
    version: str = ""
    model: str = ""
    environment: str = ""
    tag: str = ""

    @property
    def narrows(self) -> bool:
        """Whether anything but the time is chosen."""
        return any(getattr(self, name) for name in FIELDS)

    @property
    def of_requests(self) -> bool:
        """Whether requests for approval know by themselves that they belong to this side."""
        return bool(self.agent) and not (self.model or self.environment or self.tag)


def side(project: Project, chosen: Chosen, score_names: list[str]) -> Side:
    """One side, at most nine queries. Requests are those of the agent and version; where more is chosen, those that
    were made in the sampled traces."""
    fields = {name: getattr(chosen, name) for name in FIELDS}
    narrowed = TraceFilter(**fields, start_ns=to_ns(chosen.start), end_ns=to_ns(chosen.end))
    traces = telemetry.sampled(project.pk, narrowed, most=TRACES_READ)
    ids = [one.trace_id for one in traces]
    asked = (
        asked_by(
            project,
            agent=chosen.agent,
            version=chosen.version or None,
            since=chosen.start,
            until=chosen.end,
            most=REQUESTS_READ,
        )
        if chosen.of_requests
        else asked_in(project, ids, most=REQUESTS_READ)
    )
    judged = telemetry.judged(project.pk, ids, score_names)
    ended = [one for one in traces if one.status != "waiting"]
    return Side(
        traces=len(traces),
        capped=len(traces) >= TRACES_READ or len(asked) >= REQUESTS_READ,
        failed=Share(sum(one.failed for one in ended), len(ended)),
        durations=[one.duration_ns / SECONDS for one in ended],
        costs=[float(one.cost_nanos) for one in traces if one.cost_nanos is not None],
        approvals=approvals(asked),
        outcomes=outcomes(asked),
        scores=Share(sum(judged.values()), len(judged)),
    )
