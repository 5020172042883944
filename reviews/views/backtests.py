"""Trying a policy on the past: starting a run, following it, and what came out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from agents.access import page_project
from agents.authentication import Caller
from agents.models import Project
from agents.permissions import Permission
from agents.views.person import person
from console.lib import clock
from console.lib.http import Problem
from reviews.backtest_forms import DRAFT, BacktestForm
from reviews.models import Backtest, BacktestCase
from reviews.policy.backtest import load_tallies
from reviews.policy.results import results_of
from reviews.selectors.backtests import backtest_of, backtests_page, cases_page
from reviews.selectors.policies import versions_page
from reviews.services import backtests as services
from reviews.services import policies
from reviews.views.backtest_words import doubts_of, ends_of, instead_of, name_of, wrongs_of
from reviews.views.policies import frame

PAGE_ROWS = 50
VERSIONS = 20
GROUPS = {"agent", "action"}


@require_http_methods(["GET", "HEAD", "POST"])
def backtests(request: HttpRequest, project: str) -> HttpResponse:
    """GET policies/backtests/: runs, newest first, and the form of a new one. POST: begins it."""
    posted = request.method == "POST"
    found = page_project(request, project, Permission.POLICY_EDIT if posted else Permission.APPROVAL_VIEW)
    policies.in_force(project=found)  # So that there is a version to choose.
    versions, _more = versions_page(found, cursor=None, size=VERSIONS)
    around = frame(request, found, "backtests")
    form = BacktestForm(
        request.POST if posted else None,
        draft=around["draft"] is not None,
        versions=[version.number for version in versions],
    )
    if posted and form.is_valid():
        made = _started(request, found, form)
        if made is not None:
            return redirect("reviews:backtest", project=project, backtest_id=made.pk)
    try:
        rows, cursor = backtests_page(found, cursor=request.GET.get("cursor") or None, size=PAGE_ROWS)
    except Problem as problem:
        raise BadRequest(problem.detail) from None
    context = {"form": form, "rows": [(row, name_of(row)) for row in rows], "next": cursor, **around}
    return render(request, "reviews/backtests.html", context, status=422 if posted else 200)


@require_safe
def backtest(request: HttpRequest, project: str, backtest_id: UUID) -> HttpResponse:
    """GET policies/backtests/<id>/: how far it has got, what came out by agent or action (`?by=`), and disagreements
    (`?kind=`)."""
    found = page_project(request, project, Permission.APPROVAL_VIEW)
    row = _run(found, backtest_id)
    kind = request.GET.get("kind", "")
    kind = kind if kind in BacktestCase.Kind.values else ""
    try:
        cases, cursor = cases_page(row, kind=kind, cursor=request.GET.get("cursor") or None, size=PAGE_ROWS)
    except Problem as problem:
        raise BadRequest(problem.detail) from None
    results = results_of(load_tallies(row.tallies))
    by = request.GET.get("by") if request.GET.get("by") in GROUPS else "action"
    context: dict[str, Any] = {
        "run": row,
        "name": name_of(row),
        "total": results.total,
        "groups": results.agents if by == "agent" else results.actions,
        "by": by,
        "wrongs": wrongs_of(results.total),
        "ends": ends_of(results.total),
        "doubts": doubts_of(row),
        "cases": [(case, instead_of(case.what)) for case in cases],
        "kind": kind,
        "kinds": BacktestCase.Kind,
        "next": cursor,
        "cut": results.total.wrong > services.CASES_MAX,
        **frame(request, found, "backtests"),
    }
    return render(request, "reviews/backtest.html", context)


@require_POST
def cancel(request: HttpRequest, project: str, backtest_id: UUID) -> HttpResponse:
    """POST policies/backtests/<id>/cancel/: ends a run."""
    found = page_project(request, project, Permission.POLICY_EDIT)
    row = _run(found, backtest_id)
    if services.cancel(backtest=row, by=Caller(user=person(request)), now=clock.now()):
        messages.success(request, _("The back-test is cancelled. What it has found so far is kept."))
    else:
        messages.info(request, _("The back-test had ended already."))
    return redirect("reviews:backtest", project=project, backtest_id=backtest_id)


def _run(project: Project, key: UUID) -> Backtest:
    row = backtest_of(project, key)
    if row is None:
        raise Http404
    return row


def _started(request: HttpRequest, project: Project, form: BacktestForm) -> Backtest | None:
    """The new run; None, and the form or a message says why, where none can begin."""
    chosen, now = form.cleaned_data["policy"], clock.now()
    trial = (
        services.trial_of_draft(project=project)
        if chosen == DRAFT
        else services.trial_of_version(project=project, number=int(chosen))
    )
    if trial is None:
        form.add_error("policy", _("There is no draft any more."))
        return None
    since = now - timedelta(days=form.cleaned_data["days"])
    try:
        return services.start(
            project=project, by=Caller(user=person(request)), trial=trial, since=since, until=now, now=now
        )
    except services.TooMany:
        form.add_error(None, _("Other back-tests are still running: wait for one or cancel it."))
        return None
