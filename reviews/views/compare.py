"""Two versions of an agent, or any two filters, side by side. What is compared is in the address."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from agents.access import page_project
from agents.models import Project
from agents.permissions import Permission
from console.lib import clock
from console.templatetags.ui import percent
from metrics.comparison import Interval
from metrics.ranges import ParameterError, TimeRange
from metrics.selectors import traces
from metrics.selectors.evaluation import standard_row
from metrics.views.asking import chosen_range, range_context
from reviews import comparison_words as words
from reviews.comparing import Compared, Measure, Side, compare
from reviews.comparison_questions import SIDES, chosen
from reviews.selectors.comparison import FIELDS, TRACES_READ, Chosen, side

DEFAULT_RANGE = "7d"


@require_safe
def page(request: HttpRequest, project: str) -> HttpResponse:
    """GET compare/?range=&a_agent=&a_version=&...&b_agent=&..."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    asked = chosen_range(request, now=clock.now(), default=DEFAULT_RANGE)
    problem, sides = asked.problem, None
    try:
        sides = _chosen(request, asked.window)
    except ParameterError as error:
        problem = error.message
    context: dict[str, Any] = {
        "project": found,
        "problem": problem,
        "form": [_fields(request, name) for name in SIDES],
        "choices": traces.choices(found.pk),
        "kept": [(name, value) for name, value in asked.window.parameters().items() if name != "compare"],
        **range_context(asked.window),
    }
    if sides is not None and sides[0] != sides[1]:
        context |= _compared(found, *sides)
        permissions: frozenset[str] = getattr(request, "project_permissions", frozenset())
        context["may_name_scores"] = Permission.AGENT_MANAGE in permissions
    elif sides is not None:
        context["alike"] = sides[0].narrows
    return render(request, "reviews/compare.html", context)


def _chosen(request: HttpRequest, window: TimeRange) -> tuple[Chosen, Chosen]:
    tz = timezone.get_current_timezone()
    parameters = request.GET.dict()
    a, b = (chosen(parameters, name, start=window.start, end=window.end, tz=tz) for name in SIDES)
    return a, b


def _fields(request: HttpRequest, name: str) -> dict[str, Any]:
    """The fields of one side of the form, with what the address has."""
    labels = {
        "agent": _("Agent"),
        "version": _("Version"),
        "model": _("Model"),
        "environment": _("Environment"),
        "tag": _("Tag"),
    }
    lists = {"agent": "known-agents", "model": "known-models", "environment": "known-environments"}
    texts = [
        {"name": (at := f"{name}_{key}"), "label": labels[key], "value": _given(request, at), "list": lists.get(key)}
        for key in FIELDS
    ]
    times = [
        {"name": f"{name}_{key}", "label": label, "value": _given(request, f"{name}_{key}")}
        for key, label in (("from", _("Own time, from")), ("to", _("to")))
    ]
    return {"name": words.SIDES[name], "texts": texts, "times": times, "own": any(one["value"] for one in times)}


def _given(request: HttpRequest, name: str) -> str:
    return request.GET.get(name, "").replace("\x00", "")[:500]


def _compared(project: Project, a: Chosen, b: Chosen) -> dict[str, Any]:
    names = standard_row(project).score_names
    sides = [side(project, one, names) for one in (a, b)]
    found = compare(*sides)
    return {
        "sides": [{"name": words.SIDES[name], "label": _label(one)} for name, one in zip(SIDES, (a, b), strict=True)],
        "empty": not any(one.a.value is not None or one.b.value is not None for one in found),
        "rows": [_row(one) for one in found],
        "verdict": words.verdict(found),
        "caution": words.caution(found),
        "score_names": ", ".join(names),
        "no_scores": not any(one.known for one in found if one.measure is Measure.SCORES),
        "slower": _slower(found, sides),
        "capped": any(one.capped for one in sides),
        "most": TRACES_READ,
    }


def _label(one: Chosen) -> str:
    """What a side is, in a few words."""
    said = [str(getattr(one, name)) for name in FIELDS if getattr(one, name)]
    return ", ".join(said) or _("everything")


def _row(one: Compared) -> dict[str, Any]:
    return {
        "measure": str(one.measure),
        "label": words.LABELS[one.measure],
        "cells": [
            (name, words.figure(one.measure, at.value), _range(one.measure, at), count)
            for name, at, count in zip(("A", "B"), (one.a, one.b), one.counts, strict=True)
        ],
        "known": one.known,
        "difference": words.signed(one.measure, one.difference.value),
        "interval": words.interval(one),
        "clear": one.clear,
        "holds": one.holds,
        "better": words.SIDES.get(one.better, ""),
    }


def _range(measure: Measure, at: Interval) -> str:
    if at.low is None or at.high is None:
        return ""
    return f"{words.figure(measure, at.low)} – {words.figure(measure, at.high)}"


def _slower(found: list[Compared], sides: list[Side]) -> str:
    """How the times of both sides stand to each other as a whole."""
    larger = next((one.larger for one in found if one.measure is Measure.P50), None)
    if larger is None or not all(one.durations for one in sides):
        return ""
    text = _("A trace of B takes longer than one of A in %(share)s of all pairs (Mann-Whitney); 50%% is no difference.")
    return text % {"share": percent(larger)}
