"""A second look: a decided request as its reviewer saw it, without anything that came of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agents.access import page_project
from agents.authentication import Caller
from agents.models import Project
from agents.permissions import Permission
from agents.rosters import recent_roster_of
from agents.views.person import person
from console.lib import clock
from reviews.models import Rereview
from reviews.quality_forms import JudgementForm
from reviews.selectors.feedback import offered_labels
from reviews.selectors.rereview import COUNTED, how_many_wait, is_asked, is_held, learned, rereview_of, said_before
from reviews.serializers.approvals import message_of
from reviews.services.rereview import InvalidJudgement, answer, skip, take
from reviews.views.people import team_called
from reviews.views.presentation import asked_in


@require_http_methods(["GET", "HEAD", "POST"])
def rereviews(request: HttpRequest, project: str) -> HttpResponse:
    """GET feedback/quality/review/: how many wait for one's second look, and what retired seeds say. POST: the next."""
    found = page_project(request, project, Permission.APPROVAL_DECIDE)
    if request.method == "POST":
        return _next(request, found)
    viewer, now = person(request), clock.now()
    context = {
        "project": found,
        "tab": "rereviews",
        "waiting": how_many_wait(found, viewer, now=now),
        "most": COUNTED,
        "asked": is_asked(found, viewer),
        "learned": learned(found, viewer),
    }
    return render(request, "reviews/rereviews.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def rereview(request: HttpRequest, project: str, rereview_id: UUID) -> HttpResponse:
    """GET feedback/quality/review/<id>/: what one has taken. POST: what one says of it, or `do=skip`."""
    found = page_project(request, project, Permission.APPROVAL_DECIDE)
    row = rereview_of(found, rereview_id)
    if row is None or not is_held(row, person(request)):
        if row is None or request.method != "POST":
            raise Http404
        return _too_late(request, found)
    by, now = Caller(user=person(request)), clock.now()
    if request.POST.get("do") == "skip":
        skip(rereview=row, by=by, now=now)
        return _next(request, found)
    form = JudgementForm(request.POST or None, item=row.item, labels=offered_labels(found))
    if request.method == "POST" and form.is_valid():
        try:
            done = answer(rereview=row, by=by, judgement=form.judgement(), now=now)
        except InvalidJudgement as error:
            for field, texts in error.errors.items():
                form.add_error(field if field in form.fields else None, texts)
        else:
            return _next(request, found) if done else _too_late(request, found)
    return render(
        request, "reviews/rereview.html", _context(request, found, row, form), status=422 if form.errors else 200
    )


def _context(request: HttpRequest, project: Project, row: Rereview, form: JudgementForm) -> dict[str, Any]:
    approval = row.item.approval
    return {
        "project": project,
        "tab": "rereviews",
        "row": row,
        "approval": approval,
        "read": asked_in(approval, row.item),
        "team_called": team_called(approval.team, recent_roster_of(project.pk, now=clock.now())),
        "said": [message_of(event) for event in said_before(row.item)],
        "blind": True,
        "form": form,
        "left": how_many_wait(project, person(request), now=clock.now()),
        "most": COUNTED,
    }


def _next(request: HttpRequest, project: Project) -> HttpResponse:
    """Opens what comes next, or the page that says that this was all."""
    taken = take(project=project, by=Caller(user=person(request)), now=clock.now())
    if taken is None:
        messages.success(request, _("Nothing waits for your second look now."))
        return redirect("reviews:rereviews", project=project.slug)
    return redirect("reviews:rereview", project=project.slug, rereview_id=taken.rereview_id)


def _too_late(request: HttpRequest, project: Project) -> HttpResponse:
    messages.warning(
        request, _("This one is not yours any more: you have answered it, or your time was over and others did.")
    )
    return redirect("reviews:rereviews", project=project.slug)
