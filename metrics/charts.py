"""Plotly figures of the overview, as plain dicts. Colours are names of design tokens; the browser resolves them.

Only Cartesian SVG traces, an empty template, and no markup in labels: Plotly reads text as a small HTML, so whatever an
agent sent is escaped. The `meta` of a trace is what a click on it filters by; that of the layout says which moments the
points are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from html import escape, unescape
from typing import Any

from django.utils.translation import gettext as _

from metrics.budgeting import Burn
from metrics.ranges import TimeRange
from metrics.selectors.overview import Period
from metrics.selectors.series import NANOS

Figure = dict[str, Any]
SERIES_COLORS = tuple(f"--chart-{index}" for index in range(1, 8))
ERROR_COLOR = "--chart-error"
MUTED_COLOR = "--chart-muted"
COMPARED_COLOR = "--text-faint"
# More values than there are colours are drawn together.
MOST_STACKED = 6
WIDE_SPREAD = 20


@dataclass(frozen=True, slots=True)
class Axis:
    """The bins of a chart: their starts in the reader's zone without offset, which is what Plotly wants to show."""

    window: TimeRange
    bins: list[datetime]
    labels: list[str]

    @property
    def past(self) -> int:
        return self.window.past_bins()


def axis(window: TimeRange, tz: tzinfo) -> Axis:
    """The time axis of a range."""
    bins = window.bins()
    return Axis(window, bins, [_label(moment, tz) for moment in bins])


def _label(moment: datetime, tz: tzinfo) -> str:
    return moment.astimezone(tz).replace(tzinfo=None).isoformat()


def plain(label: str, most: int = 60) -> str:
    """A label that cannot be read as markup."""
    text = label if len(label) <= most else label[: most - 1] + "…"
    return escape(text, quote=False)


def cost_by_model(at: Axis, period: Period, before: Period | None) -> Figure:
    """Dollars per bin, stacked by model, the costliest at the bottom."""
    totals = {model: sum(bins) for model, bins in period.cost_by_model.items()}
    ranked = sorted(totals, key=lambda model: (-totals[model], model))
    rest = [period.cost_by_model[model] for model in ranked[MOST_STACKED:]]
    shown = [(model, period.cost_by_model[model]) for model in ranked[:MOST_STACKED]]
    figure = costs(at, "model", shown, [sum(bin) for bin in zip(*rest, strict=True)], others=len(rest))
    if before is not None:
        figure["data"].append(_compared(at, [one.cost_nanos / NANOS for one in before.bins]))
    return figure


def costs(
    at: Axis, by: str, shown: Sequence[tuple[str, Sequence[int]]], rest: Sequence[int] = (), *, others: int = 0
) -> Figure:
    """Dollars per bin out of nano-USD, stacked by the values of a dimension in this order, all others on top."""
    nameless = {"model": _("no model"), "agent": _("no agent"), "day": _("cost")}.get(by, _("none"))
    traces = [
        _bars(at, plain(value) if value else nameless, _dollars(at, nanos), color, {by: value} if value else {})
        for (value, nanos), color in zip(shown, SERIES_COLORS, strict=False)
    ]
    if any(rest):
        traces.append(_bars(at, _("%(n)s others") % {"n": f"{others:,}"}, _dollars(at, rest), MUTED_COLOR))
    return _figure(at, traces, stacked=True, y={"tickprefix": "$", "exponentformat": "none", "hoverformat": ",.6~r"})


def _dollars(at: Axis, nanos: Sequence[int]) -> list[float | None]:
    return _past(at, [one / NANOS for one in nanos])


def latency(at: Axis, period: Period, before: Period | None) -> Figure:
    """Seconds at p50, p95 and p99 of the requests of each bin; a bin without requests is a gap."""
    traces = []
    for index, (name, color) in enumerate((("p50", "--chart-2"), ("p95", "--chart-1"), ("p99", "--chart-4"))):
        values = [_seconds(quantiles[index]) for quantiles in period.latency]
        traces.append(_line(at, name, values, color))
    if before is not None:
        earlier = [_seconds(quantiles[1]) for quantiles in before.latency]
        traces.append(_compared(at, earlier, _("p95 before")))
    known = sorted(value for trace in traces for value in trace["y"] if value)
    # One request of minutes among many of seconds would press all others into a line.
    logarithmic = known and known[-1] > WIDE_SPREAD * known[len(known) // 2]
    # Powers of ten without the zeros behind the point that the log axis gives them in every language.
    scale = {"type": "log", "dtick": 1, "tickformat": "~r"} if logarithmic else {}
    return _figure(at, traces, y={"ticksuffix": " s", "hoverformat": ",.3f", **scale})


def _seconds(nanoseconds: float | None) -> float | None:
    return None if nanoseconds is None else round(nanoseconds / NANOS, 4)


def volume(at: Axis, period: Period, before: Period | None) -> Figure:
    """Requests per bin, those that failed apart; without any there is nothing to draw, as in the other charts."""
    bins = period.bins
    traces: list[Figure] = []
    if any(one.requests for one in bins):
        traces.append(_bars(at, _("ok"), _past(at, [one.requests - one.errors for one in bins]), "--chart-1"))
        errors = _past(at, [one.errors for one in bins])
        traces.append(_bars(at, _("errors"), errors, ERROR_COLOR, {"error": "1"}))
    if before is not None and any(one.requests for one in before.bins):
        traces.append(_compared(at, [one.requests for one in before.bins]))
    return _figure(at, traces, stacked=True, y={"hoverformat": ",.0f"})


def tokens(at: Axis, period: Period, before: Period | None) -> Figure:
    """Tokens per bin by type: cached input apart from fresh input, reasoning apart from the rest of the output."""
    bins = period.bins
    cached = [one.cache_read_tokens + one.cache_write_tokens for one in bins]
    series: list[tuple[str, list[int], str]] = [
        (_("input"), [max(one.input_tokens - hit, 0) for one, hit in zip(bins, cached, strict=True)], "--chart-1"),
        (_("cache read"), [one.cache_read_tokens for one in bins], "--chart-2"),
        (_("cache write"), [one.cache_write_tokens for one in bins], "--chart-7"),
        (_("output"), [max(one.output_tokens - one.reasoning_tokens, 0) for one in bins], "--chart-3"),
        (_("reasoning"), [one.reasoning_tokens for one in bins], "--chart-4"),
    ]
    traces = [_bars(at, name, _past(at, values), color) for name, values, color in series if any(values)]
    if before is not None:
        traces.append(_compared(at, [one.input_tokens + one.output_tokens for one in before.bins]))
    return _figure(at, traces, stacked=True, y={"hoverformat": ",.0f"})


def burn_down(burn: Burn) -> Figure:
    """Dollars that remain of a budget against those that would if it were used evenly, and where this pace leads to.

    The moments are those of the budget's own zone, in which its period begins at midnight.
    """
    at, standing = axis(burn.steps, burn.steps.tz), burn.standing
    points = [] if standing.is_unknown else burn.points()
    even = [*burn.steps.bins(), burn.steps.end]
    traces = [
        _course(at, _("remaining"), [(one.at, one.remaining_nanos) for one in points], {"color": "--chart-1"}),
        _course(
            at, _("even use"), [(one, burn.even_nanos(one)) for one in even], {"dash": "dot", "color": COMPARED_COLOR}
        ),
    ]
    if points and standing.forecast_nanos is not None:
        last = (burn.steps.end, standing.limit_nanos - standing.forecast_nanos)
        ahead = [(points[-1].at, points[-1].remaining_nanos), last]
        traces.append(_course(at, _("at this pace"), ahead, {"dash": "dash", "color": "--chart-4"}))
    return _figure(at, traces, y={"tickformat": "$,", "hoverformat": "$,.6~r"})


def _course(at: Axis, name: str, nanos: Sequence[tuple[datetime, int]], line: Figure) -> Figure:
    """A line through dollars at any moments."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [_label(moment, at.window.tz) for moment, _nanos in nanos],
        "y": [one / NANOS for _moment, one in nanos],
        "line": {"width": 1.75, **line},
        "meta": {},
    }


def lines(at: Axis, named: Sequence[tuple[str, Sequence[float | None]]]) -> Figure:
    """Any values per bin, a line for each name; colours repeat when there are more lines than colours."""
    traces = [
        _line(at, plain(name), values, SERIES_COLORS[number % len(SERIES_COLORS)])
        for number, (name, values) in enumerate(named)
    ]
    return _figure(at, traces, y={"hoverformat": ",.4~g"})


def _past(at: Axis, values: Sequence[float]) -> list[float | None]:
    """Bins that have not begun are unknown, not zero."""
    past = at.past
    return [value if index < past else None for index, value in enumerate(values)]


def _bars(
    at: Axis, name: str, values: Sequence[float | None], color: str, chosen: Mapping[str, str] | None = None
) -> Figure:
    return {
        "type": "bar",
        "name": name,
        "x": at.labels,
        "y": list(values),
        "marker": {"color": color},
        "meta": dict(chosen or {}),
    }


def _line(at: Axis, name: str, values: Sequence[float | None], color: str) -> Figure:
    # A point between two gaps is no line: markers keep it visible.
    mode = "lines+markers" if sum(value is not None for value in values) < len(values) / 3 else "lines"
    return {
        "type": "scatter",
        "mode": mode,
        "name": name,
        "x": at.labels,
        "y": list(values),
        "connectgaps": False,
        "line": {"width": 1.75, "color": color},
        "marker": {"size": 4, "color": color},
        "meta": {},
    }


def _compared(at: Axis, values: Sequence[float | None], name: str = "") -> Figure:
    """The period before as a dotted line over the same bins."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name or _("before"),
        "x": at.labels,
        "y": list(values),
        "line": {"width": 1.5, "dash": "dot", "color": COMPARED_COLOR},
        "meta": {},
    }


def _figure(at: Axis, traces: list[Figure], *, y: Figure, stacked: bool = False) -> Figure:
    # Plotly takes times without offset as they are, so the edge is counted from the last label.
    edge = (datetime.fromisoformat(at.labels[-1]) + at.window.step).isoformat()
    layout: Figure = {
        "template": {},
        "barmode": "stack" if stacked else "overlay",
        "bargap": 0.15,
        "showlegend": True,
        "legend": {"traceorder": "normal"},
        "xaxis": {"type": "date", "range": [at.labels[0], edge]},
        "yaxis": dict(y),
        "meta": {
            "step_seconds": int(at.window.step.total_seconds()),
            "starts": [int(bin.timestamp()) for bin in at.bins],
        },
    }
    return {"data": traces, "layout": layout}


def sums(figure: Figure) -> list[tuple[str, float, Mapping[str, str]]]:
    """Name, sum and filter of each bar series: what the chart says, for readers who do not see it."""
    return [
        (unescape(trace["name"]), sum(value or 0 for value in trace["y"]), trace["meta"])
        for trace in figure["data"]
        if trace["type"] == "bar"
    ]
