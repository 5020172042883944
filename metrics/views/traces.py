"""The list of traces: filters, sorts, search, and how it follows what arrives."""

import re
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse

from agents.access import page_project
from agents.models import Project
from agents.permissions import Permission
from console.lib import clock
from console.lib.http import Problem
from metrics import questions
from metrics.cursors import cursor_of, position
from metrics.ranges import ParameterError, TimeRange
from metrics.selectors import search, traces
from metrics.selectors.trace_scan import Position
from metrics.services import masking
from metrics.times import MAX_NS, to_ns
from metrics.trace_filter import Order, TraceFilter
from metrics.views import saved_views, trace_chips
from metrics.views.asking import chosen_range, otlp_environment, range_context, way_to

PAGE_SIZE = 50
NEWER_SHOWN = 99
DEFAULT_RANGE = "24h"
TRACE_ID = re.compile(r"\s*([0-9a-fA-F]{32})\s*")
# How far back the live list looks for what arrived late, and how much one look brings.
LIVE_BACK_NS = 10 * 10**9
LIVE_MOST = 50
LIVE_ROWS = 200
# The text index reads every other second; what is younger than this is on time.
LAG_SECONDS = 10


@dataclass(frozen=True, slots=True)
class _Asked:
    """An address, read: what could not be used is said in `problem`, and then nothing is filtered."""

    window: TimeRange
    kept: TraceFilter
    order: Order
    problem: str = ""


def listing(request: HttpRequest, project: str) -> HttpResponse:
    """The list, or for htmx its rows alone. A trace id in the search box opens that trace."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    wanted = TRACE_ID.fullmatch(request.GET.get("q", "") or request.GET.get("name", ""))
    if wanted:
        return _jump(request, found, wanted[1].lower())
    asked = _asked(request, found)
    live = request.GET.get("live") == "1" and asked.order == Order()
    place = {} if live else _place(request, asked.order)
    page = traces.page(found.pk, asked.kept, order=asked.order, limit=PAGE_SIZE, **place)
    newest = None if page.traces else traces.newest(found.pk)
    empty = not page.traces and newest is None
    context: dict[str, Any] = {
        "project": found,
        "page": page,
        "newest": newest,
        "way": way_to(request, newest.start_ns, asked.window) if newest else None,
        "silent": empty,
        "live": live,
        **_list_context(request, asked, page, paged=not live),
    }
    if empty:
        context |= otlp_environment(request, found)
    if request.headers.get("HX-Request"):
        if request.GET.get("waiting") and not empty:
            # The first trace is there: now the page needs its filters too.
            return HttpResponse(headers={"HX-Refresh": "true"})
        return render(request, "metrics/_traces.html", context)
    context |= {
        "choices": traces.choices(found.pk),
        "hidden": trace_chips.kept(request.GET),
        **trace_chips.controls(request.GET, asked.order),
        "more_active": trace_chips.more_active(request.GET),
        **saved_views.menu_context(request, found, "traces"),
    }
    return render(request, "metrics/traces.html", context)


def _list_context(request: HttpRequest, asked: _Asked, page: traces.TracePage, *, paged: bool) -> dict[str, Any]:
    """What the list shows of its address and around its rows."""
    key = asked.order.key
    return {
        "problem": asked.problem,
        "filter": asked.kept,
        "narrowed": asked.kept.narrows or asked.order.sort in {"user", "session"},  # these leave traces out
        "sorted_by": asked.order.sort,
        "columns": trace_chips.columns(request.GET, asked.order),
        "chips": trace_chips.chips(request.GET),
        "before": cursor_of(page.before, key) if page.before and paged else "",
        "after": cursor_of(page.after, key) if page.after and paged else "",
        "seen_ns": max((row.start_ns for row in page.traces), default=to_ns(asked.window.now)),
        "live_rows": LIVE_ROWS,
        **_search_context(asked),
        **range_context(asked.window),
    }


def _asked(request: HttpRequest, project: Project) -> _Asked:
    chosen = chosen_range(request, now=clock.now(), default=DEFAULT_RANGE)
    bounds = {"start": chosen.window.start, "end": chosen.window.end}
    parameters = request.GET.dict()
    try:
        kept, order = questions.trace_filter(parameters, **bounds), questions.trace_order(parameters)
    except ParameterError as error:
        return _Asked(chosen.window, questions.trace_filter({}, **bounds), Order(), error.message)
    return _Asked(chosen.window, masking.stored_as(project.pk, kept), order, chosen.problem)


def _search_context(asked: _Asked) -> dict[str, Any]:
    """What a reader must know who searches for words: how far back they reach, and whether the index is behind."""
    if not asked.kept.search:
        return {}
    lag = search.lag_seconds(asked.window.now)
    return {"search_days": search.covered_days(), "search_lag": round(lag) if lag > LAG_SECONDS else 0}


def _jump(request: HttpRequest, project: Project, trace_id: str) -> HttpResponse:
    url = reverse("metrics:trace", kwargs={"project": project.slug, "trace_id": trace_id})
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


def _place(request: HttpRequest, order: Order) -> dict[str, Position]:
    """Where the page begins. A damaged cursor shows the first page: the address was typed, not followed."""
    for name, argument in (("cursor", "after"), ("before", "before")):
        if request.GET.get(name):
            try:
                return {argument: position(request.GET[name], order.key)}
            except Problem:
                return {}
    return {}


def newer(request: HttpRequest, project: str) -> HttpResponse:
    """How many matching traces began since the list was made: a button to show them, so that the list never jumps."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    parameters = _without_place(request)
    seen = _seen(parameters)
    count = 0
    if seen is not None:
        try:
            kept = masking.stored_as(found.pk, questions.trace_filter(request.GET.dict()))
            count = traces.count_newer(found.pk, kept, than_ns=seen, most=NEWER_SHOWN + 1)
        except ParameterError:
            count = 0
    context = {
        "project": found,
        "count": count,
        "most": NEWER_SHOWN,
        "seen_ns": request.GET.get("seen", ""),
        "query": parameters.urlencode(),
    }
    return render(request, "metrics/_newer.html", context)


def live(request: HttpRequest, project: str) -> HttpResponse:
    """The rows that the live list puts on top: matching traces that began since a little before the newest one shown.

    A little before, because traces arrive when they end; the browser passes over those that it has. 204 without any.
    """
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    parameters = _without_place(request)
    seen = _seen(parameters)
    if seen is None:
        return HttpResponse(status=204)
    try:
        kept = masking.stored_as(found.pk, questions.trace_filter(request.GET.dict()))
    except ParameterError:
        return HttpResponse(status=204)
    kept = replace(kept, start_ns=max(seen - LIVE_BACK_NS, 0), end_ns=None)
    rows = traces.page(found.pk, kept, limit=LIVE_MOST).traces
    if not rows:
        return HttpResponse(status=204)
    return render(request, "metrics/_trace_live_rows.html", {"project": found, "traces": rows})


def _without_place(request: HttpRequest) -> QueryDict:
    parameters = request.GET.copy()
    for name in ("cursor", "before", "live"):
        parameters.pop(name, None)
    return parameters


def _seen(parameters: QueryDict) -> int | None:
    """The start in nanoseconds of the newest trace that is shown; taken out of the parameters."""
    seen = parameters.pop("seen", [""])[-1]
    return int(seen) if re.fullmatch(r"[0-9]{1,19}", seen) and int(seen) <= MAX_NS else None
