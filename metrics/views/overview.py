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
from metrics import charts, search_query
from metrics.parameters import LONGEST_VALUE
from metrics.ranges import TimeRange, start_of_day
from metrics.resolutions import OTHER
from metrics.selectors import budgets, overview, traces
from metrics.selectors.series import NANOS, QUANTILES
from metrics.tiles import Tile, tiles
from metrics.views import saved_views
from metrics.views.asking import chosen_range, otlp_environment, range_context, traces_url, way_to

# Name, value in words, and what a link to the traces filters by.
Rows = list[tuple[str, str, Mapping[str, str]]]


def page(request: HttpRequest, project: str) -> HttpResponse:
    """The whole page, or for htmx its content alone, which refreshes itself while spans arrive."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    now = clock.now()
    chosen = chosen_range(request, now=now)
    context: dict[str, Any] = {"project": found, "problem": chosen.problem, **range_context(chosen.window)}
    live = bool(request.headers.get("HX-Request"))
    if overview.has_any(found.pk):
        context |= _figures(found, chosen.window, _narrowed(request))
        newest = context["newest"]
        context["way"] = way_to(request, newest.start_ns, chosen.window) if newest else None
        if not live:
            context |= saved_views.menu_context(request, found, "overview")
    else:
        context |= {"silent": True, **otlp_environment(request, found)}
    return render(request, "metrics/_overview.html" if live else "metrics/overview.html", context)


def _narrowed(request: HttpRequest) -> dict[str, str]:
    """What the address narrows the page to; what cannot be a value is ignored, as no choice of the page leads to it."""
    values = {name: request.GET.get(name, "")[:LONGEST_VALUE].replace("\x00", "") for name in overview.CHOICES}
    return {name: value for name, value in values.items() if value}


def _figures(project: Project, window: TimeRange, narrowed: dict[str, str]) -> dict[str, Any]:
    today = start_of_day(window.now, timezone.get_current_timezone())
    # What a part of the project costs is no share of what all of it may cost.
    limits = [] if narrowed else budgets.of_everything(project.pk)
    asked = overview.reading(project.pk, window, narrowed, since=min(today, budgets.earliest(limits, window.now)))
    found = overview.figures(asked)
    standings = budgets.tightest_first(budgets.standings(limits, now=window.now, state=asked.state))
    period, before = found.current, found.previous
    cost_today = overview.cost_between(asked, today, window.now)
    kept = window.parameters() | narrowed
    kept.pop("compare", None)
    quiet = not period.total.requests and not any(one.input_tokens for one in period.bins)
    shown = tiles(window, period, before, found.activity, cost_today, next(iter(standings), None))
    return {
        "tiles": [linked(tile, project, kept) for tile in shown],
        "charts": chart_cards(project, window, kept, period, before),
        "agents": [(line, traces_url(project, **{**kept, "agent": line.name})) for line in found.agents],
        "agents_more": found.activity.active - len(found.agents),
        **steps_and_errors(project, kept, found.steps, overview.top_errors(asked)),
        "choices": _choices(asked),
        "narrowing": overview.CHOICES,
        "traces_url": traces_url(project, **kept),
        "newest": traces.newest(project.pk) if quiet else None,
        "quiet": quiet,
        "window": window,
        "kept": kept,
    }


def steps_and_errors(
    project: Project, kept: dict[str, str], steps: list[overview.StepLine], errors: overview.Errors
) -> dict[str, Any]:
    """The slowest steps and the top errors, each with the traces that it leads to."""
    return {
        "steps": [(line, _step_url(project, kept, line.name)) for line in steps],
        "errors": errors,
        "error_lines": [(line, _error_url(project, kept, line.type)) for line in errors.lines],
    }


def _step_url(project: Project, kept: dict[str, str], name: str) -> str:
    """The traces with a span of this name; nothing where no search can say it, or the name stands for many others."""
    asked = "" if name == OTHER else search_query.term("span", name)
    return traces_url(project, **{**kept, "q": asked}) if asked else ""


def _error_url(project: Project, kept: dict[str, str], type: str) -> str:
    """The traces in which a span failed so; without a type, those in which any failed."""
    return traces_url(project, **{**kept, **({"error_type": type} if type else {"error": "1"})})


def _choices(asked: overview.Reading) -> list[tuple[str, str, str, list[str]]]:
    """Parameter, the words for no choice, what is chosen, and what can be."""
    words = {"agent": _("All agents"), "environment": _("All environments")}
    return [(name, words[name], asked.chosen.get(name, ""), values) for name, values in overview.choices(asked).items()]


def linked(tile: Tile, project: Project, kept: dict[str, str]) -> tuple[Tile, str]:
    """A tile and the traces that it leads to."""
    return tile, "" if tile.drill is None else traces_url(project, **{**kept, **tile.drill})


def chart_cards(
    project: Project, window: TimeRange, kept: dict[str, str], period: overview.Period, before: overview.Period
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
    return [
        {
            "id": f"chart-{id}",
            "title": title,
            "figure": figure,
            "rows": [(name, value, traces_url(project, **{**kept, **chosen})) for name, value, chosen in rows],
        }
        for id, title, figure, rows in shown
    ]


def _duration(nanoseconds: float | None) -> str:
    return duration(None if nanoseconds is None else round(nanoseconds))
