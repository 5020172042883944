"""Suggested rules: what reviewers seem to decide alike, with the evidence. Nothing changes by itself."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from agents.access import page_project
from agents.authentication import Caller
from agents.permissions import Permission
from agents.views.person import person
from console.lib import clock
from console.lib.queue import enqueue
from reviews.models import Pattern
from reviews.pattern_words import sentence
from reviews.policy.backtest import load_tallies
from reviews.policy.results import Figures, results_of
from reviews.selectors.patterns import being_tried, pattern_of, proposed
from reviews.services import patterns as services
from reviews.services import policies
from reviews.views.policies import frame


@dataclass(frozen=True)
class Row:
    """One suggestion for the page; `figures` are of the back-test, of its action only."""

    pattern: Pattern
    sentence: str
    later: str
    figures: Figures | None
    more_exceptions: int


@require_http_methods(["GET", "HEAD", "POST"])
def patterns(request: HttpRequest, project: str) -> HttpResponse:
    """GET policies/suggestions/: suggested rules that were tried on the past. POST: looks for more."""
    posted = request.method == "POST"
    found = page_project(request, project, Permission.POLICY_EDIT if posted else Permission.APPROVAL_VIEW)
    if posted:
        enqueue(services.TASK, project_id=found.pk)
        messages.success(
            request, _("The decisions are being looked through. What is found is tried on the past first.")
        )
        return redirect("reviews:patterns", project=project)
    context = {
        "rows": [_row(pattern) for pattern in proposed(found)],
        "trying": being_tried(found),
        **frame(request, found, "patterns"),
    }
    return render(request, "reviews/patterns.html", context)


@require_POST
def answer(request: HttpRequest, project: str, pattern_id: UUID) -> HttpResponse:
    """POST policies/suggestions/<id>/: `do=draft` puts it into the draft, `do=dismiss` puts it away."""
    found = page_project(request, project, Permission.POLICY_EDIT)
    pattern = pattern_of(found, pattern_id)
    verb = request.POST.get("do", "")
    if pattern is None or verb not in {"draft", "dismiss"}:
        raise Http404
    by, now = Caller(user=person(request)), clock.now()
    if verb == "dismiss":
        services.dismiss(pattern=pattern, by=by, now=now)
        messages.success(request, _("The suggestion is put away."))
        return redirect("reviews:patterns", project=project)
    try:
        taken = services.take(pattern=pattern, by=by, now=now)
    except policies.Outdated:
        messages.warning(request, _("Somebody has changed the draft in this moment: try again."))
        return redirect("reviews:patterns", project=project)
    except services.Full:
        messages.warning(request, _("The draft has as many rules as a policy can have."))
        return redirect("reviews:patterns", project=project)
    if taken:
        messages.success(request, _("The rule is in the draft. Nothing changes until somebody publishes it."))
    else:
        messages.info(request, _("Somebody has answered this suggestion already."))
    return redirect("reviews:policy-draft", project=project)


def _row(pattern: Pattern) -> Row:
    groups = results_of(load_tallies(pattern.backtest.tallies)).actions
    figures = next((group.figures for group in groups if group.name == pattern.action and not group.others), None)
    otherwise = pattern.matched - pattern.agreeing
    return Row(pattern, sentence_of(pattern), _later(pattern), figures, max(otherwise - len(pattern.exceptions), 0))


def sentence_of(pattern: Pattern) -> str:
    """The evidence in one sentence."""
    return sentence(
        verdict=pattern.verdict,
        action=pattern.action,
        matched=pattern.matched,
        agreeing=pattern.agreeing,
        clauses=pattern.clauses,
    )


def _later(pattern: Pattern) -> str:
    """What the part of the decisions says that the search did not look at."""
    return _("Of the latest %(matched)s, which the search did not look at: %(agreeing)s.") % {
        "matched": f"{pattern.later_matched:,}",
        "agreeing": f"{pattern.later_agreeing:,}",
    }
