"""The tiles of the overview: a number each, its change against the period before, and its course as a line. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from console.templatetags.ui import duration, money, number, percent
from metrics.budgeting import DAY, FINE, MONTH, SPENT, WARNED, WEEK
from metrics.ranges import TimeRange
from metrics.selectors.budgets import Kept
from metrics.selectors.overview import Activity, Period, Sums

# Changes smaller than this are noise and are shown without a colour.
NOTEWORTHY = 0.05
P50, P95, P99 = range(3)


@dataclass(frozen=True, slots=True)
class Spent:
    """How much of a budget is spent, in words; `kind` and `icon` say so when that is much, which `level` is about."""

    text: str
    budget: str
    level: str = ""
    kind: str = ""
    icon: str = ""


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile. `trend` says what the change means: good, bad or flat; `drill` filters the traces behind it."""

    id: str
    label: str
    icon: str
    value: str
    unit: str = ""
    hint: str = ""
    delta: str = ""
    trend: str = "flat"
    points: Sequence[float] = ()
    drill: Mapping[str, str] | None = None
    spent: Spent | None = None


def tiles(
    window: TimeRange, period: Period, before: Period, agents: Activity, cost_today: int, tightest: Kept | None = None
) -> list[Tile]:
    """The five tiles that telemetry fills; that of the cost says how the tightest budget stands, if there is one."""
    past = window.past_bins()
    sums = period.bins[:past]
    return [
        _requests(window, period, before, sums),
        _cost(window, period, before, sums, cost_today, tightest),
        _latency(period, before, past),
        _errors(period, before, sums),
        _agents(agents),
    ]


def _requests(window: TimeRange, period: Period, before: Period, sums: Sequence[Sums]) -> Tile:
    return Tile(
        id="tile-requests",
        label=_("Requests"),
        icon="activity",
        value=number(period.total.requests * 60 / window.elapsed_seconds),
        unit=_("/min"),
        hint=_("%(n)s in total") % {"n": number(period.total.requests)},
        delta=change(period.total.requests, before.total.requests),
        points=[one.requests for one in sums],
        drill={},
    )


def _cost(
    window: TimeRange, period: Period, before: Period, sums: Sequence[Sums], today: int, tightest: Kept | None
) -> Tile:
    """What was spent today, and what in the range: the change, the pace and the line are those of the range."""
    burn = int(period.total.cost_nanos * 3600 / window.elapsed_seconds)
    hint = _("burning %(cost)s/h") % {"cost": money(burn)}
    if period.total.unpriced_count:
        hint = _("%(cost)s/h, %(n)s calls unpriced") % {"cost": money(burn), "n": number(period.total.unpriced_count)}
    unknown = period.total.unpriced_count and not period.total.cost_nanos
    spent = money(None if unknown else period.total.cost_nanos)
    delta = change(period.total.cost_nanos, before.total.cost_nanos)
    return Tile(
        id="tile-cost",
        label=_("Cost today"),
        icon="circle-dollar-sign",
        # What is unpriced is not known to cost nothing.
        value=money(None if unknown and not today else today),
        hint=hint,
        delta=f"{_length(window)}: {spent}{', ' if delta else ''}{delta}",
        points=[one.cost_nanos for one in sums],
        drill={"sort": "cost"},
        spent=None if tightest is None else _spent(tightest),
    )


def _length(window: TimeRange) -> str:
    """How long the range is, in a word."""
    known = {
        "15m": _("15 min"), "1h": _("1 h"), "6h": _("6 h"), "24h": _("24 h"), "7d": _("7 d"), "30d": _("30 d"),
    }  # fmt: skip
    return known.get(window.preset, _("this range"))


def _spent(kept: Kept) -> Spent:
    standing = kept.standing
    share = _("unknown share") if standing.is_unknown else percent(standing.share)
    if standing.figures.unpriced_calls and not standing.is_unknown:
        share = f"≥ {share}"
    words = {
        DAY: _("%(share)s of %(limit)s this day"),
        WEEK: _("%(share)s of %(limit)s this week"),
        MONTH: _("%(share)s of %(limit)s this month"),
    }[kept.budget.period]
    level, kind, icon = {
        FINE: ("", "", ""),
        WARNED: (_("Nearly spent"), "warn", "triangle-alert"),
        SPENT: (_("Spent"), "danger", "circle-alert"),
    }[standing.level]
    text = words % {"share": share, "limit": money(standing.limit_nanos)}
    return Spent(text, _("Budget “%(name)s”") % {"name": kept.budget.name}, level, kind, icon)


def _latency(period: Period, before: Period, past: int) -> Tile:
    now, then = period.latency_total[P95], before.latency_total[P95]
    course = [quantiles[P95] for quantiles in period.latency[:past]]
    hint = ""
    if now is not None:
        figures = {"p50": _short(period.latency_total[P50]), "p99": _short(period.latency_total[P99])}
        hint = _("p50 %(p50)s, p99 %(p99)s") % figures
    return Tile(
        id="tile-latency",
        label=_("Latency p95"),
        icon="timer",
        value=_short(now),
        hint=hint,
        delta=change(now, then),
        trend=_trend(now, then),
        points=[value for value in course if value is not None],
        drill={"sort": "duration"},
    )


def _short(nanoseconds: float | None) -> str:
    return duration(None if nanoseconds is None else round(nanoseconds))


def _errors(period: Period, before: Period, sums: Sequence[Sums]) -> Tile:
    now, then = period.total.error_rate, before.total.error_rate
    delta = ""
    if now is not None and then is not None and round(now - then, 4):
        delta = _("%(points)s pts") % {"points": f"{(now - then) * 100:+.1f}".replace("-", "−")}
    return Tile(
        id="tile-errors",
        label=_("Error rate"),
        icon="circle-alert",
        value=percent(now),
        hint=_("%(n)s failed") % {"n": number(period.total.errors)},
        delta=delta,
        trend=_trend(now, then),
        points=[one.error_rate or 0 for one in sums],
        drill={"status": "error"},
    )


def _agents(agents: Activity) -> Tile:
    gained = agents.active - agents.before
    return Tile(
        id="tile-agents",
        label=_("Active agents"),
        icon="bot",
        value=number(agents.active),
        delta=f"{gained:+d}".replace("-", "−") if gained and agents.before else "",
        hint=_("in this time range"),
        points=agents.course,
    )


def change(now: float | None, before: float | None) -> str:
    """The relative change as text, "+12%"; nothing when there is nothing to compare with."""
    if not before or now is None:
        return ""
    share = now / before - 1
    if abs(share) < 0.005:
        return _("no change")
    if share >= 9.995:
        return f"×{now / before:,.0f}"
    return f"{share * 100:+.0f}%".replace("-", "−")


def _trend(now: float | None, before: float | None) -> str:
    """For figures where less is better."""
    if now is None or before is None or abs(now - before) <= NOTEWORTHY * max(before, 1e-9):
        return "flat"
    return "bad" if now > before else "good"
