"""The overview: what the agents of a project do, cost and get wrong."""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from agents.access import page_project
from agents.models import Project
from agents.permissions import Permission
from console.lib import clock
from console.templatetags.ui import duration, money, number
from metrics import charts
from metrics.ranges import TimeRange, start_of_day
from metrics.selectors import overview, traces
from metrics.selectors.series import NANOS, QUANTILES
from metrics.tiles import Agents, Tile, tiles
from metrics.views.asking import chosen_range, otlp_environment, range_context, traces_url

# Name, value in words, and what a link to the traces filters by.
Rows = list[tuple[str, str, Mapping[str, str]]]


def page(request: HttpRequest, project: str) -> HttpResponse:
    """The whole page, or for htmx its content alone, which refreshes itself while spans arrive."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    now = clock.now()
    chosen = chosen_range(request, now=now)
    context: dict[str, Any] = {"project": found, "problem": chosen.problem, **range_context(chosen.window)}
    if overview.has_any(found.pk):
        context |= _figures(found, chosen.window)
    else:
        context |= {"silent": True, **otlp_environment(request, found)}
    template = "metrics/_overview.html" if request.headers.get("HX-Request") else "metrics/overview.html"
    return render(request, template, context)


def _figures(project: Project, window: TimeRange) -> dict[str, Any]:
    tz = timezone.get_current_timezone()
    period, before = overview.periods(project.pk, window)
    lines, active, active_before = overview.agents(project.pk, window)
    agents = Agents(active, active_before, overview.active_agents(project.pk, window))
    cost_today = overview.cost_between(project.pk, start_of_day(window.now, tz), window.now)
    kept = window.parameters()
    kept.pop("compare", None)
    base = traces_url(project, **kept)
    errors = overview.top_errors(project.pk, window)
    quiet = not period.total.requests and not any(one.input_tokens for one in period.bins.values())
    return {
        "tiles": [_linked(tile, project, kept) for tile in tiles(window, period, before, agents, cost_today)],
        "charts": _charts(project, window, period, before),
        "agents": lines,
        "agents_more": active - len(lines),
        "steps": overview.slowest_steps(project.pk, window),
        "errors": errors,
        "traces_url": base,
        "newest": traces.newest(project.pk) if quiet else None,
        "quiet": quiet,
        "window": window,
        "kept": kept,
    }


def _linked(tile: Tile, project: Project, kept: dict[str, str]) -> tuple[Tile, str]:
    return tile, "" if tile.drill is None else traces_url(project, **kept, **tile.drill)


def _charts(
    project: Project, window: TimeRange, period: overview.Period, before: overview.Period
) -> list[dict[str, Any]]:
    """Id, title, figure and the same in words of each chart, in the order of the page."""
    axis = charts.axis(window, timezone.get_current_timezone())
    compared = before if window.compare else None
    cost = charts.cost_by_model(axis, period, compared)
    latency = charts.latency(axis, period, compared)
    volume = charts.volume(axis, period, compared)
    tokens = charts.tokens(axis, period, compared)
    slow: Rows = [(name, _duration(value), {}) for name, value in zip(QUANTILES, period.latency_total, strict=True)]

    def lines(figure: charts.Figure, unit: Callable[[float], str]) -> Rows:
        return [(name, unit(total), chosen) for name, total, chosen in charts.sums(figure)]

    shown: list[tuple[str, str, charts.Figure, Rows]] = [
        ("cost", _("Cost by model"), cost, lines(cost, lambda dollars: money(round(dollars * NANOS)))),
        ("latency", _("Latency"), latency, slow),
        ("volume", _("Requests and errors"), volume, lines(volume, number)),
        ("tokens", _("Tokens"), tokens, lines(tokens, number)),
    ]
    kept = {name: value for name, value in window.parameters().items() if name != "compare"}
    return [
        {
            "id": f"chart-{id}",
            "title": title,
            "figure": figure,
            "rows": [(name, value, traces_url(project, **kept, **chosen)) for name, value, chosen in rows],
        }
        for id, title, figure, rows in shown
    ]


def _duration(nanoseconds: float | None) -> str:
    return duration(None if nanoseconds is None else round(nanoseconds))
