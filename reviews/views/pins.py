"""Requests as pins on the time axis of their trace, for the waterfall of the telemetry pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from agents.access import page_project
from agents.permissions import Permission
from console.lib import clock
from metrics.times import to_ns
from reviews.models import Approval
from reviews.selectors.records import of_trace
from reviews.views.queue import TRACE_ID

WHOLE = re.compile(r"[0-9]{1,19}")


@dataclass(frozen=True)
class Pin:
    """A request and where on the axis it was asked and closed, in percent as SVG writes it."""

    approval: Approval
    asked: str
    closed: str


def trace_pins(request: HttpRequest, project: str) -> HttpResponse:
    """GET queue/pins/?trace_id=&start=&length=: pins of a trace whose axis begins at `start`, both in nanoseconds.

    What was asked before or after the axis is pinned at its end.
    """
    found = page_project(request, project, Permission.APPROVAL_VIEW)
    trace_id, start, length = (request.GET.get(name, "") for name in ("trace_id", "start", "length"))
    pins: list[Pin] = []
    if TRACE_ID.fullmatch(trace_id) and WHOLE.fullmatch(start) and WHOLE.fullmatch(length):
        now = clock.now()
        pins = [_pin(row, int(start), max(int(length), 1), now) for row in of_trace(found, trace_id)]
    return render(request, "reviews/_pins.html", {"project": found, "pins": pins})


def _pin(approval: Approval, start: int, length: int, now: datetime) -> Pin:
    def share(moment: datetime) -> str:
        return f"{min(max((to_ns(moment) - start) / length * 100, 0), 100):.3f}%"

    until = approval.closed_at or min(now, approval.expires_at)
    return Pin(approval, share(approval.requested_at), share(until))
