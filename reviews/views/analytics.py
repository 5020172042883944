"""Analytics: how the queue is doing, by whom and for what it is used, and whether reviewers still look."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from agents.access import page_project
from agents.models import Project
from agents.permissions import Permission
from agents.views.person import person
from console.lib import clock
from metrics import charts
from metrics.ranges import ParameterError, TimeRange
from metrics.views.asking import range_context
from reviews import questions
from reviews.access import sees_every_reviewer
from reviews.definitions import DEFINITIONS
from reviews.models import Dimension
from reviews.selectors import analytics, reviewers
from reviews.selectors.analytics import Summary

FEW = 20
"""Below so many requests that left the queue the mean of their times says little."""


def page(request: HttpRequest, project: str) -> HttpResponse:
    """GET analytics/?range=&by=&target=&share="""
    found = page_project(request, project, Permission.APPROVAL_VIEW)
    asked, problem = _asked(request)
    context: dict[str, Any] = {"project": found, "problem": problem, "asked": asked, "define": DEFINITIONS}
    context |= range_context(asked.range)
    if analytics.has_any(found):
        window = analytics.window(asked.range)
        context |= _whole(found, asked, window) | _apart(request, found, asked, window)
        context["tabs"] = [(by, label, _address(found, asked, by)) for by, label in _labels().items()]
    else:
        context["silent"] = True
    return render(request, "reviews/analytics.html", context)


def _asked(request: HttpRequest) -> tuple[questions.Asked, str]:
    """What the address asks for, else the default, and what was wrong with it."""
    tz, now = timezone.get_current_timezone(), clock.now()
    try:
        return questions.read(request.GET.dict(), tz=tz, now=now), ""
    except ParameterError as error:
        return questions.read({}, tz=tz, now=now), error.message


def _whole(project: Project, asked: questions.Asked, window: TimeRange) -> dict[str, Any]:
    whole = analytics.summary(project, window)
    staff = analytics.staffing(whole, target=asked.target, share=asked.share / 100)
    return {
        "window": window,
        "whole": whole,
        "staff": [(label, staff[name]) for name, label in _rates().items() if name in staff],
        "by_day": window.step.total_seconds() > 3_600,
        "figures": _charts(window, whole),
        "pace": _pace(whole),
        "kept": [*asked.range.parameters().items(), ("by", asked.by)],
    }


def _pace(whole: Summary) -> dict[str, Any]:
    """The rate of arrivals in the unit in which it is a number that people can picture, and how much it rests on."""
    per_hour = whole.little.rate * 3_600
    daily = 0 < per_hour < 1
    rate = per_hour * 24 if daily else per_hour
    return {"rate": rate, "daily": daily, "closings": whole.figures.closings, "few": FEW}


def _apart(request: HttpRequest, project: Project, asked: questions.Asked, window: TimeRange) -> dict[str, Any]:
    """The table by one dimension; of reviewers only oneself, unless one's role is to look after others."""
    permissions: frozenset[Permission] = getattr(request, "project_permissions", frozenset())
    every = asked.by != Dimension.REVIEWER or sees_every_reviewer(permissions)
    own = "" if every else str(person(request).pk)
    lines, more = analytics.lines(project, window, Dimension(asked.by), only=own)
    context: dict[str, Any] = {"lines": lines, "more": more, "by_label": _labels()[asked.by], "only_own": bool(own)}
    if asked.by == Dimension.REVIEWER:
        context["signs"] = reviewers.signs(project, window, lines)
    return context


def _charts(window: TimeRange, whole: Summary) -> dict[str, charts.Figure]:
    at = charts.axis(window, window.tz if window.step.total_seconds() > 3_600 else timezone.get_current_timezone())
    past = at.past
    counts = [
        (_("arrived"), [float(one.arrivals) for one in whole.bins]),
        (_("closed"), [float(one.closings) for one in whole.bins]),
    ]
    waits = [(name, [getattr(one, f"wait_{name}") for one in whole.bins]) for name in ("p50", "p95")]
    return {
        "flow": charts.lines(at, [(name, _known(values, past)) for name, values in counts]),
        "waits": charts.lines(at, [(name, _known(values, past)) for name, values in waits]),
    }


def _known(values: list[float | None] | list[float], past: int) -> list[float | None]:
    """Bins that have not begun are unknown, not zero."""
    return [value if place < past else None for place, value in enumerate(values)]


def _address(project: Project, asked: questions.Asked, by: str) -> str:
    kept = {**asked.range.parameters(), "by": by}
    if asked.target != questions.DEFAULT_TARGET:
        kept["target"] = str(asked.target)
    if asked.share != questions.DEFAULT_SHARE:
        kept["share"] = str(asked.share)
    return f"{reverse('reviews:analytics', kwargs={'project': project.slug})}?{urlencode(kept)}"


def _labels() -> dict[str, str]:
    return {"action": _("Action"), "agent": _("Agent"), "team": _("Team"), "reviewer": _("Reviewer")}


def _rates() -> dict[str, str]:
    return {"mean": _("At the mean rate of arrivals"), "busiest": _("In the busiest hour")}
