"""The list of traces and the trace itself."""

import re
from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
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
from metrics.selectors import traces
from metrics.selectors.traces import TraceFilter
from metrics.times import MAX_NS, to_ns
from metrics.views.asking import chosen_range, otlp_environment, range_context

PAGE_SIZE = 50
NEWER_SHOWN = 99
DEFAULT_RANGE = "24h"
TRACE_ID = re.compile(r"\s*([0-9a-fA-F]{32})\s*")
# Filters that are set from links and shown as chips; the others have a control of their own.
CHIPS = ("session", "user", "tag")
MORE = ("environment", "min_cost_usd", "min_duration_ms", "error")
HIDDEN = ("range", "from", "to", "sort", *CHIPS)


def listing(request: HttpRequest, project: str) -> HttpResponse:
    """The list, or for htmx its rows alone. A trace id in the search box opens that trace."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    wanted = TRACE_ID.fullmatch(request.GET.get("name", ""))
    if wanted:
        return _jump(request, found, wanted[1].lower())
    window, kept, sort, problem = _asked(request)
    page = traces.page(found.pk, kept, sort=sort, limit=PAGE_SIZE, **_place(request, sort))
    newest = None if page.traces else traces.newest(found.pk)
    empty = not page.traces and newest is None
    context: dict[str, Any] = {
        "project": found,
        "problem": problem,
        "filter": kept,
        "narrowed": kept.narrows,
        "sort": sort,
        "page": page,
        "before": cursor_of(page.before, sort) if page.before else "",
        "after": cursor_of(page.after, sort) if page.after else "",
        "seen_ns": to_ns(window.now) if not page.traces else max(row.start_ns for row in page.traces),
        "silent": empty,
        "chips": _chips(request),
        "hidden": {name: request.GET[name] for name in HIDDEN if request.GET.get(name)},
        "newest": newest,
        **range_context(window),
    }
    if empty:
        context |= otlp_environment(request, found)
    if request.headers.get("HX-Request"):
        if request.GET.get("waiting") and not empty:
            # The first trace is there: now the page needs its filters too.
            return HttpResponse(headers={"HX-Refresh": "true"})
        return render(request, "metrics/_traces.html", context)
    context |= {"choices": traces.choices(found.pk), "more_active": sum(1 for name in MORE if request.GET.get(name))}
    return render(request, "metrics/traces.html", context)


def _asked(request: HttpRequest) -> tuple[TimeRange, TraceFilter, str, str]:
    """Range, filter and sort of the address, and what was wrong with it: then nothing is filtered."""
    chosen = chosen_range(request, now=clock.now(), default=DEFAULT_RANGE)
    bounds = {"start": chosen.window.start, "end": chosen.window.end}
    parameters = request.GET.dict()
    try:
        kept, sort = questions.trace_filter(parameters, **bounds), questions.trace_sort(parameters)
    except ParameterError as error:
        return chosen.window, questions.trace_filter({}, **bounds), "start", error.message
    return chosen.window, kept, sort, chosen.problem


def _jump(request: HttpRequest, project: Project, trace_id: str) -> HttpResponse:
    url = reverse("metrics:trace", kwargs={"project": project.slug, "trace_id": trace_id})
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


def _place(request: HttpRequest, sort: str) -> dict[str, traces.Position]:
    """Where the page begins. A damaged cursor shows the first page: the address was typed, not followed."""
    for name, argument in (("cursor", "after"), ("before", "before")):
        if request.GET.get(name):
            try:
                return {argument: position(request.GET[name], sort)}
            except Problem:
                return {}
    return {}


def _chips(request: HttpRequest) -> list[dict[str, str]]:
    chips = []
    for name in CHIPS:
        if request.GET.get(name):
            without = request.GET.copy()
            for gone in (name, "cursor", "before"):
                without.pop(gone, None)
            chips.append({"name": name, "value": request.GET[name], "url": f"{request.path}?{without.urlencode()}"})
    return chips


def newer(request: HttpRequest, project: str) -> HttpResponse:
    """How many matching traces began since the list was made: a button to show them, so that the list never jumps."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    parameters = request.GET.copy()
    seen = parameters.pop("seen", [""])[-1]
    for gone in ("cursor", "before"):
        parameters.pop(gone, None)
    count = 0
    if re.fullmatch(r"[0-9]{1,19}", seen) and int(seen) <= MAX_NS:
        try:
            kept = replace(questions.trace_filter(request.GET.dict()), start_ns=None, end_ns=None)
            count = traces.count_newer(found.pk, kept, than_ns=int(seen), most=NEWER_SHOWN + 1)
        except ParameterError:
            count = 0
    context = {"project": found, "count": count, "most": NEWER_SHOWN, "seen_ns": seen, "query": parameters.urlencode()}
    return render(request, "metrics/_newer.html", context)
