"""The audit log: who did what, when."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_safe

from agents import selectors
from agents.access import page_project
from agents.permissions import Permission
from agents.views import paging
from console.templatetags.ui import exact


@require_safe
def audit(request: HttpRequest, project: str) -> HttpResponse:
    """A project's audit log, the newest first, filtered by action."""
    found = page_project(request, project, Permission.AUDIT_VIEW)
    action = request.GET.get("action", "").replace("\x00", "")
    cursor = paging.cursor_of(request, kinds=[datetime, int])
    after = (cursor[0], cursor[1]) if cursor else None
    events, more = selectors.audit_page(found, action=action, after=after, size=paging.SIZE)
    older = paging.next_address(request, [events[-1].at.isoformat(), events[-1].pk]) if more else None
    context = {
        "events": [{"event": event, "lines": detail_lines(event.detail)} for event in events],
        "actions": selectors.audit_actions(found),
        "action": action,
        "older": older,
    }
    return render(request, "agents/audit.html", context)


def detail_lines(detail: dict[str, Any]) -> list[tuple[str, str]]:
    """An audit row's detail as (name, value) for people; changes read as “old → new”, what is empty is left out."""
    return [
        (name.replace("_", " "), _words(value)) for name, value in detail.items() if value not in (None, [], {}, "")
    ]


def _words(value: Any) -> str:
    if isinstance(value, dict) and set(value) == {"from", "to"}:
        return f"{_words(value['from']) or '–'} → {_words(value['to']) or '–'}"
    if isinstance(value, list):
        return ", ".join(_words(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_words(item)}" for name, item in value.items())
    moment = _moment(value)
    return exact(moment) if moment else "" if value is None else str(value)


def _moment(value: Any) -> datetime | None:
    try:
        return parse_datetime(value) if isinstance(value, str) else None
    except ValueError:
        return None
