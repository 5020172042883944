"""The figures of the overview page: a handful of queries over minute rollups, however many agents, models and steps."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db.models import BooleanField, Case, Count, F, Max, Q, Sum, Value, When

from metrics import histogram
from metrics.models import Heartbeat, Rollup, Span
from metrics.ranges import TimeRange
from metrics.selectors.series import QUANTILES, DateBin, merged_histograms, rollups
from metrics.times import EPOCH, to_ns

ENTRY = Q(entry=True)
MOST_AGENTS = 12
MOST_STEPS = 10
MOST_ERRORS = 8
# Errors are read from the spans themselves, newest first, and never more than this.
ERRORS_READ = 2_000
HEALTH_KINDS = {
    **dict.fromkeys(("ok", "healthy", "up", "running", "idle"), "ok"),
    **dict.fromkeys(("degraded", "warning", "starting", "stopping"), "warn"),
    **dict.fromkeys(("error", "unhealthy", "down", "failed", "critical"), "danger"),
}
TOKEN_COLUMNS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
COLUMNS = ("requests", "errors", "cost_nanos", "unpriced_count", *TOKEN_COLUMNS)


@dataclass(slots=True)
class Sums:
    """Figures of one bin or of a whole period. Tokens and money count each usage once."""

    requests: int = 0
    errors: int = 0
    cost_nanos: int = 0
    unpriced_count: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0

    def add(self, row: dict[str, Any]) -> None:
        for name in COLUMNS:
            setattr(self, name, getattr(self, name) + int(row[name] or 0))

    @property
    def error_rate(self) -> float | None:
        """Share of requests that failed; None without requests."""
        return self.errors / self.requests if self.requests else None


@dataclass(slots=True)
class Period:
    """One period of the page: figures per bin, per model and bin, and in total; latency quantiles in nanoseconds."""

    bins: dict[datetime, Sums] = field(default_factory=lambda: defaultdict(Sums))
    cost_by_model: dict[str, dict[datetime, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    total: Sums = field(default_factory=Sums)
    latency: dict[datetime, list[float | None]] = field(default_factory=dict)
    latency_total: list[float | None] = field(default_factory=lambda: [None] * len(QUANTILES))


@dataclass(frozen=True, slots=True)
class AgentLine:
    """One agent of the table. `health` is what it last said of itself, empty when it sends no heartbeats."""

    name: str
    requests: int
    errors: int
    cost_nanos: int
    last_seen: datetime
    health: str = ""
    health_at: datetime | None = None

    @property
    def error_rate(self) -> float | None:
        return self.errors / self.requests if self.requests else None

    @property
    def health_kind(self) -> str:
        """How the words of common heartbeats are coloured; others stay plain."""
        return HEALTH_KINDS.get(self.health.lower(), "")


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step: spans of one name and kind. Durations in nanoseconds; `share` of the time of all steps listed."""

    name: str
    kind: str
    count: int
    errors: int
    total_ns: int
    p95_ns: float | None
    share: float

    @property
    def share_percent(self) -> int:
        return round(self.share * 100)


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """One type of error among the spans that failed last, with the last one of its kind."""

    type: str
    count: int
    message: str
    last_ns: int
    trace_id: bytes
    span_id: bytes


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors by type; `capped` when there were more than could be read."""

    lines: list[ErrorLine]
    capped: bool


def periods(project_id: int, window: TimeRange, origin: datetime = EPOCH) -> tuple[Period, Period]:
    """The period of the page and the one before it. Two queries.

    The total of the period before stops where the present one stands now; its bins are complete.
    """
    current, previous = Period(), Period()
    unfair = Case(
        When(start__gte=window.previous_until, start__lt=window.start, then=Value(True)),
        default=Value(False),
        output_field=BooleanField(),
    )
    rows = rollups(project_id, window.previous_start, window.end).annotate(
        bin=DateBin(window.step, "start", window.start), unfair=unfair
    )
    for row in _summed(rows, "bin", "model", "unfair"):
        moment = row["bin"].astimezone(UTC)
        period = current if moment >= window.start else previous
        period.bins[moment].add(row)
        if row["cost_nanos"]:
            period.cost_by_model[row["model"]][moment] += row["cost_nanos"]
        if not row["unfair"]:
            period.total.add(row)
    _add_latency(project_id, window, current, previous)
    return current, previous


def _summed(rows: Any, *groups: str) -> Any:
    sums = {name: Sum(name) for name in COLUMNS if name not in {"requests", "errors"}}
    requests = Sum("span_count", filter=ENTRY)
    errors = Sum("error_count", filter=ENTRY)
    return rows.values(*groups).annotate(requests=requests, errors=errors, **sums).order_by()


def _add_latency(project_id: int, window: TimeRange, current: Period, previous: Period) -> None:
    rows = rollups(project_id, window.previous_start, window.end, entry=True)
    merged = merged_histograms(rows, window.step, origin=window.start)
    shares = list(QUANTILES.values())
    for (moment,), pairs in merged.items():
        period = current if moment >= window.start else previous
        period.latency[moment] = histogram.quantiles(pairs, shares)
    for period, wanted in ((current, True), (previous, False)):
        whole = histogram.merge(pairs for (moment,), pairs in merged.items() if (moment >= window.start) == wanted)
        period.latency_total = histogram.quantiles(whole, shares)


def agents(project_id: int, window: TimeRange) -> tuple[list[AgentLine], int, int]:
    """The costliest agents with their health, and how many were active in this period and in the one before."""
    rows = rollups(project_id, window.previous_start, window.end).exclude(agent="")
    in_window = Q(start__gte=window.start)
    before = Q(start__lt=window.previous_until)
    found = (
        rows.values("agent")
        .annotate(
            requests=Sum("span_count", filter=in_window & ENTRY),
            errors=Sum("error_count", filter=in_window & ENTRY),
            cost=Sum("cost_nanos", filter=in_window),
            last_seen=Max("start", filter=in_window),
            seen_before=Count("start", filter=before),
        )
        .order_by(F("cost").desc(nulls_last=True), F("requests").desc(nulls_last=True), "agent")
    )
    every = list(found)
    active = [row for row in every if row["last_seen"] is not None]
    beats = {beat.agent: beat for beat in Heartbeat.objects.filter(project_id=project_id).order_by("-at")[:500]}
    lines = [_agent_line(row, beats.get(row["agent"])) for row in active[:MOST_AGENTS]]
    return lines, len(active), sum(1 for row in every if row["seen_before"])


def _agent_line(row: Mapping[str, Any], beat: Heartbeat | None) -> AgentLine:
    return AgentLine(
        name=row["agent"],
        requests=int(row["requests"] or 0),
        errors=int(row["errors"] or 0),
        cost_nanos=int(row["cost"] or 0),
        last_seen=row["last_seen"],
        health=beat.status if beat else "",
        health_at=beat.at if beat else None,
    )


def active_agents(project_id: int, window: TimeRange) -> dict[datetime, int]:
    """How many agents did something in each bin of the range."""
    rows = rollups(project_id, window.start, window.end).exclude(agent="")
    binned = rows.annotate(bin=DateBin(window.step, "start", window.start)).values_list("bin")
    return {
        moment.astimezone(UTC): count for moment, count in binned.annotate(n=Count("agent", distinct=True)).order_by()
    }


def slowest_steps(project_id: int, window: TimeRange) -> list[StepLine]:
    """Where the time goes: the steps with the most time in total, without entry spans, which contain them all."""
    rows = rollups(project_id, window.start, window.end, entry=False)
    found = list(
        rows.values("kind", "name")
        .annotate(count=Sum("span_count"), errors=Sum("error_count"), total=Sum("duration_sum_ns"))
        .order_by("-total", "name")[:MOST_STEPS]
    )
    names = [row["name"] for row in found]
    parts: dict[tuple[str, str], list[int]] = defaultdict(list)
    for kind, name, pairs in rows.filter(name__in=names).values_list("kind", "name", "histogram"):
        parts[(kind, name)].extend(pairs)
    whole = sum(int(row["total"]) for row in found) or 1
    return [
        StepLine(
            name=row["name"],
            kind=row["kind"],
            count=int(row["count"]),
            errors=int(row["errors"]),
            total_ns=int(row["total"]),
            p95_ns=histogram.quantiles(histogram.merge([parts[(row["kind"], row["name"])]]), [0.95])[0],
            share=int(row["total"]) / whole,
        )
        for row in found
    ]


def top_errors(project_id: int, window: TimeRange) -> Errors:
    """Errors by type among the last ERRORS_READ spans that failed in the range. One bounded query."""
    failed = Span.objects.filter(
        project_id=project_id,
        status="error",
        start_ns__gte=to_ns(window.start),
        start_ns__lt=to_ns(window.end),
    ).order_by("-start_ns")
    rows = failed.values_list("error_type", "error_message", "start_ns", "trace_id", "span_id")[:ERRORS_READ]
    counts: dict[str, int] = defaultdict(int)
    last: dict[str, tuple[Any, ...]] = {}
    for kind, *rest in rows:
        counts[kind] += 1
        last.setdefault(kind, tuple(rest))
    lines = [ErrorLine(kind, count, *last[kind]) for kind, count in counts.items()]
    lines.sort(key=lambda line: (-line.count, line.type))
    return Errors(lines=lines[:MOST_ERRORS], capped=len(rows) == ERRORS_READ)


def cost_between(project_id: int, start: datetime, end: datetime) -> int:
    """Nano-USD spent between two moments."""
    total = rollups(project_id, start, end).aggregate(total=Sum("cost_nanos"))["total"]
    return int(total or 0)


def has_any(project_id: int) -> bool:
    """Whether the project ever sent a span."""
    return Rollup.objects.filter(project_id=project_id).exists()
