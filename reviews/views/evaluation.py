"""How good an agent is, version by version, by what the project asks of it; and what the project asks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agents.access import page_project
from agents.authentication import Caller
from agents.models import Project
from agents.permissions import Permission
from agents.views.person import person
from console.lib import clock
from metrics.charts import SERIES_COLORS, Figure, plain
from metrics.evaluation import Dimension, Finding, Wrong
from metrics.models import Evaluation
from metrics.selectors.evaluation import history, standard_row
from metrics.services.evaluations import set_standard
from metrics.views.asking import chosen_range, range_context
from reviews import evaluation_words as words
from reviews.evaluation_forms import StandardForm
from reviews.selectors.evaluation import AgentEvaluation, VersionEvaluation, of_agent
from reviews.services import evaluations

DEFAULT_RANGE = "7d"
SIDE_BY_SIDE = 4
HISTORY_DAYS = 90


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, project: str, name: str) -> HttpResponse:
    """GET agents/<name>/evaluation/?range=. POST: writes down how the agent does now, as today's evaluation."""
    posted = request.method == "POST"
    found = page_project(request, project, Permission.AGENT_MANAGE if posted else Permission.TELEMETRY_VIEW)
    if posted:
        return _write(request, found, name)
    chosen = chosen_range(request, now=clock.now(), default=DEFAULT_RANGE)
    known = of_agent(found, name, chosen.window)
    written = history(found, name, (chosen.window.now - timedelta(days=HISTORY_DAYS)).date())
    if known is None and not written:
        raise Http404
    permissions: frozenset[str] = getattr(request, "project_permissions", frozenset())
    context: dict[str, Any] = {
        "project": found,
        "name": name,
        "problem": chosen.problem,
        "may_change": Permission.AGENT_MANAGE in permissions,
        "known": known,
        **range_context(chosen.window),
        **_history(written),
    }
    if known is not None:
        context |= _side_by_side(found, name, known)
    return render(request, "reviews/evaluation.html", context)


def _write(request: HttpRequest, project: Project, name: str) -> HttpResponse:
    by = Caller(user=person(request))
    if not evaluations.write_now(project=project, agent=name, by=by, now=clock.now()):
        raise Http404
    messages.success(request, _("Today's evaluation is written down."))
    return redirect("reviews:evaluation", project=project.slug, name=name)


def _side_by_side(project: Project, name: str, known: AgentEvaluation) -> dict[str, Any]:
    shown = known.versions[:SIDE_BY_SIDE]
    rows = [
        {
            "name": dimension,
            "label": words.LABELS[dimension],
            "meaning": words.MEANINGS[dimension],
            "cells": [_cell(one.version, one.evaluation[dimension]) for one in shown],
            "target": words.target(shown[0].evaluation[dimension]),
        }
        for dimension in Dimension
        if shown
    ]
    return {
        "versions": [_version(one, known) for one in shown],
        "rows": rows,
        "more": len(known.versions) - len(shown),
        "compare_url": _compare_url(project, name, shown),
    }


def _cell(version: str, one: Finding) -> dict[str, Any]:
    return {
        "version": version,
        "known": one.known,
        "value": words.figure(one.dimension, one.at.value),
        "interval": words.interval(one),
        "count": one.count,
        "met": one.met,
        "sure": one.sure,
        "verdict": words.verdict(one),
        "share": one.share,
        "notes": words.notes(one),
    }


def _version(one: VersionEvaluation, known: AgentEvaluation) -> dict[str, Any]:
    return {
        "name": one.version,
        "requests": one.requests,
        "overall": one.evaluation.overall,
        "left_out": words.left_out(one.evaluation),
        "advice": words.recommendations(one.evaluation, known.row),
    }


def _compare_url(project: Project, name: str, shown: list[VersionEvaluation]) -> str:
    """The comparison of the two versions used most; empty when there are none two that have a name."""
    named = [one.version for one in shown if one.version][:2]
    if len(named) < 2:
        return ""
    older, newer = sorted(named)
    asked = {"a_agent": name, "a_version": older, "b_agent": name, "b_version": newer}
    return f"{reverse('reviews:compare', kwargs={'project': project.slug})}?{urlencode(asked)}"


def _history(written: dict[str, list[Evaluation]]) -> dict[str, Any]:
    """What was written down: a line for each version, and the days as a table, the last one first."""
    every = sorted((row for rows in written.values() for row in rows), key=lambda row: (row.day, row.agent_version))
    last = list(reversed(every))[: 3 * SIDE_BY_SIDE]
    return {"past": last, "figure": _figure(written) if len({row.day for row in every}) > 1 else None}


def _figure(written: dict[str, list[Evaluation]]) -> Figure:
    most = sorted(written, key=lambda version: -len(written[version]))[: len(SERIES_COLORS)]
    traces = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": plain(version) if version else _("not named"),
            "x": [row.day.isoformat() for row in written[version]],
            "y": [row.overall for row in written[version]],
            "line": {"color": color},
        }
        for version, color in zip(most, SERIES_COLORS, strict=False)
    ]
    return {"data": traces, "layout": {"yaxis": {"range": [0, 100]}}}


@require_http_methods(["GET", "HEAD", "POST"])
def standard(request: HttpRequest, project: str) -> HttpResponse:
    """GET and POST settings/evaluation/: what the project asks of its agents."""
    found = page_project(request, project, Permission.AGENT_MANAGE)
    row = standard_row(found)
    form = StandardForm(request.POST if request.method == "POST" else None, initial=StandardForm.initial_of(row))
    if request.method == "POST" and form.is_valid():
        try:
            set_standard(
                project=found,
                standard=form.standard(),
                score_names=form.names(),
                attribute=form.cleaned_data["attribute"],
                by=Caller(user=person(request)),
                now=clock.now(),
            )
        except Wrong as error:
            form.refuse(error.name, error.message)
        else:
            messages.success(request, _("Targets and weights are saved."))
            return redirect("reviews:evaluation-standard", project=project)
    permissions: frozenset[str] = getattr(request, "project_permissions", frozenset())
    context = {"form": form, "tab": "evaluation", "runs_project": Permission.PROJECT_MANAGE in permissions}
    return render(request, "reviews/evaluation_standard.html", context, status=422 if form.errors else 200)
