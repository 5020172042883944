"""Log records: the list with its search and its tail, and one record in full."""

import hashlib
from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from agents.access import page_project
from agents.permissions import Permission
from console.lib import clock
from console.lib.http import Problem
from metrics import access, log_questions
from metrics.cursors import cursor_of_place, place
from metrics.models import Log
from metrics.ranges import ParameterError, TimeRange
from metrics.selectors import logs
from metrics.selectors.bounded import Place
from metrics.selectors.logs import LogFilter, LogPage
from metrics.views import saved_views
from metrics.views.asking import chosen_range, otlp_environment, range_context, way_to

PAGE_SIZE = 100
TAIL_ROWS = 200
DEFAULT_RANGE = "24h"
CURSOR = "logs"
# Filters behind a button; the others have a control of their own.
MORE = ("environment", "event", "trace_id", "span_id", "attribute")
HIDDEN = ("range", "from", "to", "tail")


def listing(request: HttpRequest, project: str) -> HttpResponse:
    """The list, or for htmx its rows alone. With `tail=1` it refreshes itself, and answers 204 when nothing changed."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    tail, live = request.GET.get("tail") == "1", bool(request.headers.get("HX-Request"))
    window, kept, problem = _asked(request)
    after = None if tail else _place(request)
    page = logs.page(found.pk, kept, limit=TAIL_ROWS if tail else PAGE_SIZE, after=after)
    version = _version(page.logs)
    if live and tail and request.GET.get("seen") == version:
        return HttpResponse(status=204)
    newest = None if page.logs else logs.newest(found.pk)
    silent = not page.logs and newest is None
    if live and request.GET.get("waiting") and not silent:
        # The first record is there: now the page needs its filters too.
        return HttpResponse(headers={"HX-Refresh": "true"})
    context: dict[str, Any] = {
        "project": found,
        "problem": problem,
        "filter": kept,
        "page": page,
        "tail": tail,
        "tail_rows": TAIL_ROWS,
        "version": version,
        "after": _next(page, tail=tail),
        "first": after is None,
        "narrowed": kept.narrows,
        "newest": newest,
        "way": way_to(request, newest.time_ns, window) if newest else None,
        "silent": silent,
        "hidden": {name: request.GET[name] for name in HIDDEN if request.GET.get(name)},
        "severities": list(logs.SEVERITIES),
        **range_context(window),
        **(otlp_environment(request, found) if silent else {}),
    }
    if live:
        return render(request, "metrics/_logs.html", context)
    if not silent:
        context |= saved_views.menu_context(request, found, "logs")
    more = sum(1 for name in MORE if request.GET.get(name))
    return render(request, "metrics/logs.html", context | {"choices": logs.choices(found.pk), "more_active": more})


def record(request: HttpRequest, project: str, time_ns: int, log_id: str) -> HttpResponse:
    """One record in full: for htmx what unfolds below its row, else a page of its own."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    log = access.log(found, time_ns, log_id)
    content = logs.content_of(log)
    context: dict[str, Any] = {
        "project": found,
        "log": log,
        "log_hex": bytes(log.id).hex(),
        "content": content,
        # A body that is only text has been read in the row already.
        "structured": isinstance(content.body, (dict, list)),
    }
    template = "metrics/_log.html" if request.headers.get("HX-Request") else "metrics/log.html"
    return render(request, template, context)


def _asked(request: HttpRequest) -> tuple[TimeRange, LogFilter, str]:
    """Range and filter of the address, and what was wrong with it: then nothing is filtered."""
    chosen = chosen_range(request, now=clock.now(), default=DEFAULT_RANGE)
    window = chosen.window
    try:
        kept = log_questions.log_filter(
            request.GET.dict(), attributes=request.GET.getlist("attribute"), start=window.start, end=window.end
        )
    except ParameterError as error:
        return window, log_questions.log_filter({}, start=window.start, end=window.end), error.message
    return window, kept, chosen.problem


def _place(request: HttpRequest) -> Place | None:
    """Where the page begins. A damaged cursor shows the first page: the address was typed, not followed."""
    if not request.GET.get("cursor"):
        return None
    try:
        return place(request.GET["cursor"], CURSOR)
    except Problem:
        return None


def _next(page: LogPage, *, tail: bool) -> str:
    return cursor_of_place(page.after, CURSOR) if page.after and not tail else ""


def _version(rows: Sequence[Log]) -> str:
    """Changes whenever other records would be shown."""
    return hashlib.blake2b(b"".join(bytes(row.id) for row in rows), digest_size=8).hexdigest()
