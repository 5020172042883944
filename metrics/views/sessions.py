"""Sessions: the list, and one session as the conversation across its traces."""

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
from metrics import access, session_questions
from metrics.cursors import cursor_of_place, place
from metrics.dialogue import Reader
from metrics.models import Session, Trace
from metrics.ranges import ParameterError, TimeRange
from metrics.selectors import scores, sessions
from metrics.selectors.bounded import Place
from metrics.selectors.sessions import SessionFilter, TracePart
from metrics.services import masking
from metrics.trace_filter import STATUSES
from metrics.views import saved_views
from metrics.views.asking import chosen_range, otlp_environment, range_context, way_to

PAGE_SIZE = 50
TRACES_SHOWN = 10
SCORES_SHOWN = 100
DEFAULT_RANGE = "7d"
CURSOR, TRACE_CURSOR = "sessions", "session"
HIDDEN = ("range", "from", "to")


def listing(request: HttpRequest, project: str) -> HttpResponse:
    """The list, or for htmx its rows alone, which refresh themselves on the first page."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    live = bool(request.headers.get("HX-Request"))
    window, kept, problem = _asked(request)
    after = _place(request, "cursor", CURSOR, raw_id=False)
    stored = replace(kept, user=masking.stored_id(found.pk, kept.user))
    page = sessions.page(found.pk, stored, limit=PAGE_SIZE, after=after)
    if not page.sessions and (named := _named(found, stored.user)):
        return HttpResponse(headers={"HX-Redirect": named}) if live else HttpResponseRedirect(named)
    newest = None if page.sessions else sessions.newest(found.pk)
    silent = not page.sessions and newest is None
    if live and request.GET.get("waiting") and not silent:
        return HttpResponse(headers={"HX-Refresh": "true"})
    context: dict[str, Any] = {
        "project": found,
        "problem": problem,
        "filter": kept,
        "narrowed": kept.narrows,
        "page": page,
        "after": cursor_of_place(page.after, CURSOR) if page.after else "",
        "first": after is None,
        "newest": newest,
        "way": way_to(request, newest.last_ns, window) if newest else None,
        "silent": silent,
        "hidden": {name: request.GET[name] for name in HIDDEN if request.GET.get(name)},
        "statuses": STATUSES,
        **range_context(window),
    }
    if silent:
        context |= otlp_environment(request, found)
    if live:
        return render(request, "metrics/_sessions.html", context)
    if not silent:
        context |= saved_views.menu_context(request, found, "sessions")
    agents, environments = sessions.choices(found.pk)
    return render(request, "metrics/sessions.html", context | {"agents": agents, "environments": environments})


def page(request: HttpRequest, project: str, session_id: str) -> HttpResponse:
    """One session. `?seen=` answers 204 when nothing changed since."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    session = access.session(found, session_id)
    live = bool(request.headers.get("HX-Request"))
    version = f"{session.updated_at.timestamp():.6f}"
    if live and request.GET.get("seen") == version:
        return HttpResponse(status=204)
    part = sessions.traces(
        session,
        limit=TRACES_SHOWN,
        after=_place(request, "cursor", TRACE_CURSOR),
        before=_place(request, "before", TRACE_CURSOR),
    )
    context: dict[str, Any] = {
        "project": found,
        "session": session,
        "version": version,
        "turns": _turns(session, part),
        "scores": scores.of_session(found.pk, session.session_id, most=SCORES_SHOWN),
        "earlier": cursor_of_place(sessions.place_of(part.traces[0]), TRACE_CURSOR)
        if part.earlier and part.traces
        else "",
        "later": cursor_of_place(sessions.place_of(part.traces[-1]), TRACE_CURSOR)
        if part.later and part.traces
        else "",
        "paged": bool(request.GET.get("cursor") or request.GET.get("before")),
    }
    return render(request, "metrics/_session.html" if live else "metrics/session.html", context)


def _turns(session: Session, part: TracePart) -> list[dict[str, Any]]:
    """The traces of a page with what each adds to the conversation."""
    shown: list[Trace] = list(part.traces)
    # The trace before the page says which history its first trace repeats.
    known = sessions.traces(session, limit=1, before=sessions.place_of(shown[0])).traces if shown else []
    reader = Reader()
    turns = []
    for trace, said in zip([*known, *shown], sessions.conversation([*known, *shown]), strict=True):
        messages = reader.news(said.went_in, said.came_out)
        turns.append({"trace": trace, "hex": bytes(trace.trace_id).hex(), "messages": messages})
    return turns[len(known) :]


def _named(project: Project, text: str) -> str:
    """The address of the session whose id was typed where a user belongs; empty when there is none."""
    session = sessions.find(project.pk, text) if text else None
    if session is None:
        return ""
    return reverse("metrics:session", kwargs={"project": project.slug, "session_id": session.session_id})


def _asked(request: HttpRequest) -> tuple[TimeRange, SessionFilter, str]:
    """Range and filter of the address, and what was wrong with it: then nothing is filtered."""
    chosen = chosen_range(request, now=clock.now(), default=DEFAULT_RANGE)
    bounds = {"start": chosen.window.start, "end": chosen.window.end}
    try:
        return chosen.window, session_questions.session_filter(request.GET.dict(), **bounds), chosen.problem
    except ParameterError as error:
        return chosen.window, session_questions.session_filter({}, **bounds), error.message


def _place(request: HttpRequest, name: str, kind: str, *, raw_id: bool = True) -> Place | None:
    """Where a page begins. A damaged cursor shows the first page: the address was typed, not followed."""
    if not request.GET.get(name):
        return None
    try:
        return place(request.GET[name], kind, raw_id=raw_id)
    except Problem:
        return None
