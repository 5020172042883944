"""Agents out of the rollups and their heartbeats: the list, and the versions and models of one."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import F, Max, Q, QuerySet, Sum

from metrics import comparison, histogram
from metrics.comparison import Interval
from metrics.models import Heartbeat, Rollup
from metrics.ranges import LONGEST_RANGE, TimeRange, floor
from metrics.resolutions import COMPACTED, Segment, State, seconds_at, segments
from metrics.selectors import rollups
from metrics.selectors.overview import HEALTH_KINDS, Reading
from metrics.selectors.series import QUANTILES, SCOPES

MOST_AGENTS = 200
MOST_VERSIONS = 10
MOST_MODELS = 20
# An agent that has not been heard of for so long may be well or gone: nobody knows.
STALE_AFTER = timedelta(minutes=5)
ENTRY, RUN = Q(entry=True), Q(kind="agent")
COUNTED = ("input_tokens", "output_tokens", "cost_nanos", "unpriced_count")


@dataclass(frozen=True, slots=True)
class Health:
    """What an agent last said about itself. `stale`: too long ago to still count."""

    status: str
    at: datetime
    stale: bool
    components: Any = None
    circuit_breakers: Any = None

    @property
    def kind(self) -> str:
        """How the words of common heartbeats are coloured; others stay plain."""
        return "" if self.stale else HEALTH_KINDS.get(self.status.lower(), "")


@dataclass(frozen=True, slots=True)
class AgentRow:
    """An agent of the list. Requests are entry spans of the agent; for one that only others call, its own runs.

    `last_seen`, to the minute, is None when the range and heartbeats do not say.
    """

    name: str
    requests: int
    errors: int
    called: bool
    cost_nanos: int
    unpriced_count: int
    input_tokens: int
    output_tokens: int
    latency: list[float | None]
    versions: list[str]
    last_seen: datetime | None
    health: Health | None = None

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    @property
    def error_rate(self) -> float | None:
        return self.errors / self.requests if self.requests else None


@dataclass(frozen=True, slots=True)
class AgentPage:
    """Agents and whether there are more."""

    agents: list[AgentRow]
    more: bool


@dataclass(slots=True)
class Version:
    """One version of an agent, its figures with how sure they are, and how they stand to the version used most."""

    name: str
    requests: int = 0
    errors: int = 0
    cost_nanos: int = 0
    unpriced_count: int = 0
    tokens: int = 0
    costs: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    counts: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    durations: list[Any] = field(default_factory=list)
    figures: dict[str, Interval] = field(default_factory=dict)
    verdicts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelLine:
    """A model that an agent used."""

    name: str
    provider: str
    calls: int
    tokens: int
    cost_nanos: int
    unpriced_count: int


def page(
    project_id: int, window: TimeRange, *, now: datetime, limit: int = MOST_AGENTS, by_name_after: str | None = None
) -> AgentPage:
    """Agents that did something in the range, the costliest first, or by name behind a name. At most six queries."""
    state = rollups.state(project_id, window.start, window.end)
    parts = rollups.cover([*window.bins(), window.end], state)
    rows = _summed(rollups.rows(project_id, parts).exclude(agent="").values("agent"))
    if by_name_after is None:
        rows = rows.order_by(F("cost_nanos").desc(), F("entries").desc(), "agent")
    else:
        rows = rows.filter(agent__gt=by_name_after).order_by("agent")
    found = list(rows[: limit + 1])
    shown = found[:limit]
    beats = health_of(project_id, [row["agent"] for row in shown], now)
    active = _last_minutes(project_id, {row["agent"]: row["last"] for row in shown}, parts, state)
    lines = [_row(row, active[row["agent"]], beats.get(row["agent"]), now) for row in shown]
    return AgentPage(lines, len(found) > limit)


def _summed(rows: Any) -> Any:
    return rows.annotate(
        entries=Sum("span_count", filter=ENTRY, default=0),
        entry_errors=Sum("error_count", filter=ENTRY, default=0),
        runs=Sum("span_count", filter=RUN, default=0),
        run_errors=Sum("error_count", filter=RUN, default=0),
        entry_durations=rollups.Durations(filter=ENTRY),
        run_durations=rollups.Durations(filter=RUN),
        versions=ArrayAgg("agent_version", distinct=True, filter=~Q(agent_version=""), default=[]),
        last=Max("start"),
        **{name: Sum(name, default=0) for name in COUNTED},
    )


def _last_minutes(
    project_id: int, last: Mapping[str, datetime], parts: Sequence[Segment], state: State
) -> dict[str, datetime]:
    """The minute in which each agent last did something, out of the `start` of its last row in some parts.

    A row of an hour or a day only says in which one that was: within it the finer rows are asked, from tier to tier
    down to minutes, so that little is read however many minutes there are. At most one query for each tier.
    """
    found = {name: (seconds_at(parts, start), start) for name, start in last.items()}
    for place, tier in reversed(list(enumerate(COMPACTED))):
        names = [name for name, (seconds, _start) in found.items() if seconds == tier]
        periods = {int(found[name][1].timestamp()) for name in names}
        finer = [part for one in sorted(periods) for part in segments([one, one + tier], state, COMPACTED[:place])]
        rows = rollups.rows(project_id, finer, agent__in=names).values_list("agent", "seconds")
        for name, seconds, start in rows.annotate(last=Max("start")).order_by("last"):
            found[name] = (seconds, start)
    return {name: start for name, (_seconds, start) in found.items()}


def _row(row: Mapping[str, Any], last: datetime, health: Health | None, now: datetime) -> AgentRow:
    called = not row["entries"] and bool(row["runs"])
    basis = "run" if called else "entry"
    pairs = rollups.merged([row[f"{basis}_durations"]])
    return AgentRow(
        name=row["agent"],
        requests=int(row["runs"] if called else row["entries"]),
        errors=int(row[f"{basis}_errors"]),
        called=called,
        latency=histogram.quantiles(pairs, list(QUANTILES.values())),
        versions=sorted(row["versions"]),
        last_seen=min(max(last, health.at) if health else last, now),
        health=health,
        **{name: int(row[name]) for name in COUNTED},
    )


def health_of(project_id: int, names: Sequence[str], now: datetime) -> dict[str, Health]:
    """What agents last said about themselves, by name. One query."""
    beats = Heartbeat.objects.filter(project_id=project_id, agent__in=names)
    return {
        beat.agent: Health(
            beat.status, beat.at, now - beat.at > STALE_AFTER, beat.components or None, beat.circuit_breakers or None
        )
        for beat in beats
    }


def known(project_id: int, name: str, window: TimeRange) -> AgentRow | None:
    """The figures of one agent in the range; None when neither rollups nor a heartbeat know it. At most six queries."""
    state = rollups.state(project_id, window.start, window.end)
    parts = rollups.cover([*window.bins(), window.end], state)
    row = _summed(rollups.rows(project_id, parts, agent=name).values("agent")).order_by("agent").first()
    health = health_of(project_id, [name], window.now).get(name)
    if row is not None:
        active = _last_minutes(project_id, {name: row["last"]}, parts, state)
        return _row(row, active[name], health, window.now)
    if health is None:
        return None
    return idle(name, health)


def idle(name: str, health: Health | None = None) -> AgentRow:
    """An agent that did nothing in the range."""
    last = health.at if health else None
    return AgentRow(name, 0, 0, False, 0, 0, 0, 0, [None] * len(QUANTILES), [], last, health)


def was_active(project_id: int, name: str, now: datetime) -> bool:
    """Whether an agent did anything in the last LONGEST_RANGE: then it exists, whatever range is looked at."""
    return rollups.between(project_id, floor(now - LONGEST_RANGE, timedelta(days=1)), now, agent=name).exists()


def last_active(project_id: int, name: str, now: datetime) -> datetime | None:
    """The minute in which an agent last did something in the last LONGEST_RANGE. At most five queries."""
    start = floor(now - LONGEST_RANGE, timedelta(days=1))
    state = rollups.state(project_id, start, now)
    parts = rollups.cover([start, now], state)
    last = rollups.rows(project_id, parts, agent=name).aggregate(last=Max("start"))["last"]
    return None if last is None else _last_minutes(project_id, {name: last}, parts, state)[name]


def versions(asked: Reading, name: str, *, called: bool) -> list[Version]:
    """The versions of an agent that were used most in the range, compared with the first of them. One query."""
    edges = [*asked.window.bins(), asked.window.end]
    rows: QuerySet[Rollup] = rollups.rows(asked.project_id, rollups.cover(edges, asked.state), agent=name)
    basis = RUN if called else ENTRY
    figures = rows.annotate(bin=rollups.Bin(edges)).values_list("bin", "agent_version").annotate(
        requests=Sum("span_count", filter=basis, default=0),
        errors=Sum("error_count", filter=basis, default=0),
        cost=Sum("cost_nanos"),
        unpriced=Sum("unpriced_count"),
        tokens=Sum(F("input_tokens") + F("output_tokens")),
        durations=rollups.Durations(filter=basis),
    )  # fmt: skip
    found: dict[str, Version] = {}
    for place, version, requests, errors, cost, unpriced, tokens, durations in figures.order_by():
        one = found.setdefault(version, Version(version))
        one.requests += int(requests)
        one.errors += int(errors)
        one.cost_nanos += int(cost)
        one.unpriced_count += int(unpriced)
        one.tokens += int(tokens)
        one.counts[place] += int(requests)
        one.costs[place] += int(cost)
        one.durations.append(durations)
    ranked = sorted((one for one in found.values() if one.requests), key=lambda one: (-one.requests, one.name))
    for one in ranked[:MOST_VERSIONS]:
        _judge(one, ranked[0])
    return ranked[:MOST_VERSIONS]


def _judge(one: Version, most_used: Version) -> None:
    """Fills in the figures of a version and how they stand to those of the version used most."""
    pairs = rollups.merged(one.durations)
    bins = sorted(one.counts)
    one.figures = {
        "errors": comparison.share(one.errors, one.requests),
        "p50": comparison.quantile(pairs, 0.5),
        "p95": comparison.quantile(pairs, 0.95),
        "cost": (
            Interval(None)  # nobody knows what it costs, which is not nothing
            if one.unpriced_count and not one.cost_nanos
            else comparison.ratio([one.costs[place] for place in bins], [one.counts[place] for place in bins])
        ),
    }
    if one is not most_used:
        one.verdicts = {name: comparison.compare(at, most_used.figures[name]) for name, at in one.figures.items()}


def models(asked: Reading, name: str) -> list[ModelLine]:
    """The models that an agent used in the range, the costliest first. One query."""
    parts = rollups.cover([asked.window.start, asked.window.end], asked.state)
    rows = rollups.rows(asked.project_id, parts, agent=name, **SCOPES["model"])
    named = rows.exclude(model="").values_list("model", "provider")
    found = named.annotate(
        calls=Sum("span_count"), tokens=Sum(F("input_tokens") + F("output_tokens")), cost=Sum("cost_nanos"),
        unpriced=Sum("unpriced_count"),
    ).order_by("-cost", "-calls", "model")[:MOST_MODELS]  # fmt: skip
    return [ModelLine(model, provider, *map(int, figures)) for model, provider, *figures in found]
