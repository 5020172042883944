"""Budgets: how they stand, and the form that makes and changes them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from agents.access import page_project
from agents.models import Project
from agents.permissions import Permission
from agents.views.person import person
from console.lib import clock
from metrics import access, charts
from metrics.budget_form import BudgetForm
from metrics.budgeting import FINE, SPENT, WARNED, Burn, Point
from metrics.models import Budget
from metrics.selectors import budgets as selector
from metrics.selectors.budgets import Kept
from metrics.services import budgets
from metrics.services.budgets import Draft

# So far back agents and models are looked for that a budget may be for.
SUGGEST_DAYS = timedelta(days=30)
FULL = 1_000
KINDS = {FINE: "ok", WARNED: "warn", SPENT: "danger"}


@dataclass(frozen=True, slots=True)
class Line:
    """A budget as a line of the page; bars are FULL long."""

    kept: Kept
    kind: str
    spent: int
    forecast: int | None
    forecast_kind: str


@require_safe
def listing(request: HttpRequest, project: str) -> HttpResponse:
    """The budgets in force, by name."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    kept = selector.standings(Budget.objects.of_project(found.pk).in_force(), now=clock.now())
    return render(
        request, "metrics/budgets.html", {"project": found, "lines": [_line(one) for one in kept], "full": FULL}
    )


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, project: str) -> HttpResponse:
    """Makes a budget."""
    found = page_project(request, project, Permission.BUDGET_EDIT)
    form = _form(request, found, {"time_zone": person(request).time_zone})
    if request.method == "POST" and form.is_valid():
        try:
            budgets.create(project=found, draft=Draft(**form.values()), by=person(request), now=clock.now())
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("The budget is in force."))
            return redirect("metrics:budgets", project=project)
    return _page(request, found, form)


@require_http_methods(["GET", "HEAD", "POST"])
def one(request: HttpRequest, project: str, budget: int) -> HttpResponse:
    """How a budget burns down, and for those who may change it the form that does."""
    needed = Permission.BUDGET_EDIT if request.method == "POST" else Permission.TELEMETRY_VIEW
    found = page_project(request, project, needed)
    chosen = access.budget(found, budget)
    if Permission.BUDGET_EDIT not in request.project_permissions:  # type: ignore[attr-defined]
        return _page(request, found, None, chosen)
    form = _form(request, found, BudgetForm.initial_of(chosen))
    if request.method == "POST" and form.is_valid():
        try:
            budgets.change(budget=chosen, draft=Draft(**form.values()), by=person(request), now=clock.now())
        except ValidationError as error:
            form.add_error(None, error)
        except budgets.Archived:
            messages.info(request, _("Somebody has archived this budget meanwhile."))
            return redirect("metrics:budgets", project=project)
        else:
            messages.success(request, _("The budget is saved."))
            return redirect("metrics:budgets", project=project)
    return _page(request, found, form, chosen)


@require_POST
def archive(request: HttpRequest, project: str, budget: int) -> HttpResponse:
    """Takes a budget out of force."""
    found = page_project(request, project, Permission.BUDGET_EDIT)
    chosen = access.budget(found, budget)
    budgets.archive(budget=chosen, by=person(request), now=clock.now())
    messages.success(request, _("%(name)s is no longer in force.") % {"name": chosen.name})
    return redirect("metrics:budgets", project=project)


def _form(request: HttpRequest, project: Project, initial: dict[str, Any]) -> BudgetForm:
    now = clock.now()
    suggested = selector.suggestions(project.pk, since=now - SUGGEST_DAYS, until=now)
    return BudgetForm(request.POST if request.method == "POST" else None, initial=initial, suggested=suggested)


def _page(
    request: HttpRequest, project: Project, form: BudgetForm | None, budget: Budget | None = None
) -> HttpResponse:
    context: dict[str, Any] = {"project": project, "form": form, "budget": budget}
    if budget is not None:
        burn = selector.burn_down(budget, now=clock.now())
        context |= {"burn": burn, "standing": burn.standing, "figure": charts.burn_down(burn), "rows": _rows(burn)}
    return render(request, "metrics/budget.html", context, status=422 if form is not None and form.is_bound else 200)


def _rows(burn: Burn) -> list[tuple[str, Point]]:
    """The burn-down as a table, its moments on the clock of the budget's zone."""
    form = "H:i" if burn.steps.length < timedelta(days=2) else "j M H:i"
    return [(date_format(point.at.astimezone(burn.steps.tz), form), point) for point in burn.points()]


def _line(kept: Kept) -> Line:
    standing = kept.standing
    forecast = standing.forecast_nanos
    return Line(
        kept=kept,
        kind=KINDS[standing.level],
        spent=min(round(standing.share * FULL), FULL),
        forecast=None if forecast is None else min(round(forecast / standing.limit_nanos * FULL), FULL),
        forecast_kind="" if forecast is None or forecast < standing.limit_nanos else "danger",
    )
