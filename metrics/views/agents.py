"""Agents: the list, and one agent with its health, course, versions, models and errors."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from agents.access import page_project
from agents.models import Project
from agents.permissions import Permission
from console.lib import clock
from console.templatetags.ui import duration, money, percent
from metrics.comparison import Interval
from metrics.ranges import TimeRange, start_of_day
from metrics.selectors import agents, overview, traces
from metrics.selectors.agents import AgentRow, Version
from metrics.tiles import tiles
from metrics.times import to_ns
from metrics.views import saved_views
from metrics.views.asking import chosen_range, otlp_environment, range_context, traces_url, way_to
from metrics.views.overview import chart_cards, linked, steps_and_errors

DEFAULT_RANGE = "24h"
# Tiles of the overview that say something about a single agent.
TILES = ("requests", "cost", "latency", "errors")


def listing(request: HttpRequest, project: str) -> HttpResponse:
    """The list, or for htmx its content alone, which refreshes itself while spans arrive."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    chosen = chosen_range(request, now=clock.now(), default=DEFAULT_RANGE)
    window = chosen.window
    page = agents.page(found.pk, window, now=window.now)
    kept = _kept(window)
    context: dict[str, Any] = {
        "project": found,
        "problem": chosen.problem,
        "page": page,
        "rows": [(row, traces_url(found, **kept, agent=row.name)) for row in page.agents],
        "silent": not page.agents and not overview.has_any(found.pk),
        **range_context(window),
    }
    if context["silent"]:
        context |= otlp_environment(request, found)
    elif not page.agents and (newest := traces.newest(found.pk)):
        context |= {"newest": newest, "way": way_to(request, newest.start_ns, window)}
    live = bool(request.headers.get("HX-Request"))
    if not live and not context["silent"]:
        context |= saved_views.menu_context(request, found, "agents")
    return render(request, "metrics/_agents.html" if live else "metrics/agents.html", context)


def page(request: HttpRequest, project: str, name: str) -> HttpResponse:
    """One agent. It exists when it did something in the last year or so, or sends heartbeats."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    chosen = chosen_range(request, now=clock.now(), default=DEFAULT_RANGE)
    window = chosen.window
    row = agents.known(found.pk, name, window)
    last = agents.last_active(found.pk, name, window.now) if row is None else None
    if row is None and last is None:
        raise Http404
    context: dict[str, Any] = {
        "project": found,
        "name": name,
        "problem": chosen.problem,
        "agent": row,
        "window": window,
        **range_context(window),
    }
    if row is not None:
        context |= _figures(found, window, row)
    elif last is not None:
        context |= {"last": last, "way": way_to(request, to_ns(last), window)}
    live = bool(request.headers.get("HX-Request"))
    return render(request, "metrics/_agent.html" if live else "metrics/agent.html", context)


def _kept(window: TimeRange) -> dict[str, str]:
    """The range as links carry it on."""
    return {name: value for name, value in window.parameters().items() if name != "compare"}


def _figures(project: Project, window: TimeRange, agent: AgentRow) -> dict[str, Any]:
    today = start_of_day(window.now, timezone.get_current_timezone())
    asked = overview.reading(project.pk, window, {"agent": agent.name}, since=today)
    found = overview.figures(asked)
    cost_today = overview.cost_between(asked, today, window.now)
    kept = _kept(window) | {"agent": agent.name}
    shown = tiles(window, found.current, found.previous, found.activity, cost_today)
    sessions = reverse("metrics:sessions", kwargs={"project": project.slug})
    return {
        "tiles": [linked(tile, project, kept) for tile in shown if tile.id.removeprefix("tile-") in TILES],
        "charts": chart_cards(project, window, kept, found.current, found.previous),
        **steps_and_errors(project, kept, found.steps, overview.top_errors(asked)),
        "models": agents.models(asked, agent.name),
        "versions": [_version(one) for one in agents.versions(asked, agent.name, called=agent.called)],
        "traces_url": traces_url(project, **kept),
        "sessions_url": sessions,
        "components": _states(agent.health.components if agent.health else None),
        "breakers": _states(agent.health.circuit_breakers if agent.health else None),
    }


def _version(one: Version) -> dict[str, Any]:
    """A version as the table shows it: each figure in words, its interval, and how it stands to the one used most."""
    words = {"errors": percent, "p50": _duration, "p95": _duration, "cost": _money}
    cells = []
    for key, label in _labels().items():
        at = one.figures[key]
        cells.append((key, label, words[key](at.value), _range(at, words[key]), one.verdicts.get(key)))
    cost = {"cost_nanos": one.cost_nanos, "unpriced_count": one.unpriced_count}
    return {"name": one.name, "requests": one.requests, "cells": cells, **cost}


def _labels() -> dict[str, str]:
    return {"errors": _("Error rate"), "p50": _("p50"), "p95": _("p95"), "cost": _("Cost per request")}


def _range(at: Interval, word: Any) -> str:
    """An interval in words; empty when it cannot be told."""
    return f"{word(at.low)} – {word(at.high)}" if at.low is not None and at.high is not None else ""


def _duration(nanoseconds: float | None) -> str:
    return duration(None if nanoseconds is None else round(nanoseconds))


def _money(nanos: float | None) -> str:
    return money(None if nanos is None else round(nanos))


def _states(reported: Any) -> list[tuple[str, str, Any]]:
    """Components as reported: name, state in a word, and what else was said."""
    if isinstance(reported, dict):
        pairs = [(str(name), value) for name, value in reported.items()]
    elif isinstance(reported, list):
        pairs = [
            (str(one.get("name") or one.get("component") or "") if isinstance(one, dict) else str(one), one)
            for one in reported
        ]
    else:
        return []
    return [(name, *_state(value)) for name, value in pairs[:100]]


def _state(value: Any) -> tuple[str, Any]:
    if isinstance(value, dict):
        word = next((str(value[key]) for key in ("status", "state") if value.get(key) not in (None, "")), "")
        rest = {key: one for key, one in value.items() if key not in {"status", "state", "name", "component"}}
        return word[:60], rest or None
    if isinstance(value, bool):
        return ("ok" if value else "down"), None
    return str(value)[:60], None
