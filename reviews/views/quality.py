"""The quality of labels: how far reviewers agree, the answers to seeds, drift; and what is drawn for a second look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agents.access import page_project
from agents.authentication import Caller
from agents.permissions import Permission
from agents.views.person import person
from console.lib import clock
from metrics.comparison import Interval
from reviews.access import sees_every_reviewer
from reviews.drift import RECENT, WEEKS, Count
from reviews.models import RatedItem
from reviews.quality_forms import QualityForm
from reviews.quality_words import DEFINITIONS
from reviews.rated import Pair
from reviews.selectors.quality import ITEMS_MAX, Report, Reviewer, report
from reviews.selectors.rereview import quality_settings
from reviews.serializers.quality import Named, named
from reviews.services.rereview import save_settings


@dataclass(frozen=True)
class Line:
    """One person as the page shows them; `approvals` and `agreed` are the shares of the weeks that had any."""

    reviewer: Reviewer
    name: Named
    approvals: list[float]
    agreed: list[float]
    approval_moved: str
    agreement_moved: str


@dataclass(frozen=True)
class PairLine:
    """Two people as the page shows them."""

    pair: Pair
    one: Named
    other: Named


def quality(request: HttpRequest, project: str) -> HttpResponse:
    """GET feedback/quality/?source=: the report."""
    found = page_project(request, project, Permission.FEEDBACK_VIEW)
    permissions: frozenset[Permission] = getattr(request, "project_permissions", frozenset())
    every = sees_every_reviewer(permissions)
    asked = request.GET.get("source", "")
    source = asked if asked in RatedItem.Source.values else RatedItem.Source.BLIND.value
    told = report(found, now=clock.now(), source=source, only=None if every else person(request).pk)
    names = named(found, told.people)
    context: dict[str, Any] = {
        "project": found,
        "tab": "quality",
        "told": told,
        "every": every,
        "source": source,
        "sources": _sources(),
        "lines": [_line(one, names) for one in told.reviewers],
        "pairs": [PairLine(pair, names[pair.one], names[pair.other]) for pair in told.pairs],
        "chosen": quality_settings(found),
        "empty": _is_empty(told),
        "define": DEFINITIONS,
        "items_max": ITEMS_MAX,
        "weeks": WEEKS,
        "recent": RECENT,
    }
    return render(request, "reviews/quality.html", context)


def _sources() -> dict[str, str]:
    return {"blind": _("Second look, blind"), "votes": _("Votes on the same request")}


def _is_empty(told: Report) -> bool:
    return not (told.overall.items or told.reviewers or told.seeds.whole)


def _line(one: Reviewer, names: dict[int, Named]) -> Line:
    moved = _points(one.approval_drift.moved), _points(one.agreement_drift.moved)
    return Line(one, names[one.key], _shares(one.approvals), _shares(one.agreed), *moved)


def _shares(weeks: list[Count]) -> list[float]:
    return [count.part / count.whole for count in weeks if count.whole]


def _points(moved: Interval) -> str:
    """A move in percentage points with its interval; empty where it cannot be told."""
    if moved.value is None or moved.low is None or moved.high is None:
        return ""
    value, low, high = (f"{100 * at:+.0f}" for at in (moved.value, moved.low, moved.high))
    return _("%(value)s points (%(low)s to %(high)s)") % {"value": value, "low": low, "high": high}


@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest, project: str) -> HttpResponse:
    """GET and POST feedback/quality/settings/: what is drawn for a second look, and who is asked."""
    found = page_project(request, project, Permission.POLICY_EDIT)
    form = QualityForm(request.POST if request.method == "POST" else None, project=found, now=quality_settings(found))
    if request.method == "POST" and form.is_valid():
        save_settings(
            project=found,
            share=form.share,
            wanted=form.cleaned_data["wanted"],
            team=form.chosen_team,
            by=Caller(user=person(request)),
            now=clock.now(),
        )
        messages.success(request, _("Saved. It holds for what is decided from now on."))
        return redirect("reviews:quality", project=project)
    context = {"project": found, "form": form, "tab": "quality"}
    return render(request, "reviews/quality_settings.html", context, status=422 if form.errors else 200)
