"""One labelled example with all its revisions, where it is corrected; and the project's labels."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agents.access import page_project
from agents.authentication import Caller
from agents.models import Project
from agents.permissions import Permission
from agents.views.person import person
from console.lib import clock
from metrics.wire import usd
from reviews import states
from reviews.conversation import split
from reviews.feedback_forms import CorrectionForm, TaxonomyForm
from reviews.models import Approval, FeedbackExample
from reviews.selectors.feedback import Taxonomy, revisions, taxonomy
from reviews.serializers.feedback import line_of
from reviews.services.feedback_corrections import InvalidCorrection, NotToCorrect, Undecided, correct, may_correct
from reviews.services.feedback_labels import InvalidLabels, save_taxonomy
from reviews.views.feedback import row_of


@require_http_methods(["GET", "HEAD", "POST"])
def example(request: HttpRequest, project: str, approval_id: UUID, index: int) -> HttpResponse:
    """GET feedback/<request>/<item>/: one example with its revisions. POST corrects its labels and its reason."""
    found = page_project(request, project, Permission.FEEDBACK_VIEW)
    approval = Approval.objects.filter(project=found, pk=approval_id).first()
    known = revisions(approval, index) if approval else []
    if approval is None or not known:
        raise Http404
    offered = taxonomy(found)
    form = CorrectionForm(request.POST or None, example=known[-1], taxonomy=offered)
    if request.method != "POST" or not form.is_valid():
        return _page(request, found, known, offered, form)
    try:
        saved = correct(
            approval=approval,
            item=index,
            by=Caller(user=person(request)),
            labels=form.given,
            reason=form.cleaned_data["reason"],
            now=clock.now(),
        )
    except InvalidCorrection as error:
        for field, texts in error.errors.items():
            form.add_error(field if field in form.fields else None, texts)
        return _page(request, found, known, offered, form)
    except (NotToCorrect, Undecided) as error:
        form.add_error(None, str(error) or _("Nobody has decided on this, so there is nothing to correct."))
        return _page(request, found, known, offered, form)
    done = _("Kept as revision %(number)d.") if saved.revision > known[-1].revision else _("Nothing has changed.")
    messages.success(request, done % {"number": saved.revision})
    return redirect("reviews:example", project=project, approval_id=approval_id, index=index)


def _page(
    request: HttpRequest, project: Project, known: list[FeedbackExample], offered: Taxonomy, form: CorrectionForm
) -> HttpResponse:
    newest = known[-1]
    conversation, state = split(newest.approval.context)
    context: dict[str, Any] = {
        "project": project,
        "row": row_of(newest, names=offered.reviewer_names),
        "example": newest,
        "approval": newest.approval,
        "decision": newest.decision,
        "line": line_of(newest, names=offered.reviewer_names),
        "cost": usd(newest.trace_cost_nanos),
        "conversation": conversation,
        "state": state,
        "revisions": [row_of(one, names=offered.reviewer_names) for one in reversed(known)],
        "asks": _asks(request, newest),
        "form": form if may_correct(newest, person(request)) else None,
        "public_url": settings.PUBLIC_URL,
    }
    return render(request, "reviews/example.html", context, status=422 if form.errors else 200)


def _asks(request: HttpRequest, newest: FeedbackExample) -> bool:
    """Whether the reader could say how it went, and nobody has."""
    decides = Permission.APPROVAL_DECIDE in request.project_permissions  # type: ignore[attr-defined]
    return decides and newest.outcome is None and newest.approval.status in states.GRANTED


@require_http_methods(["GET", "HEAD", "POST"])
def labels(request: HttpRequest, project: str) -> HttpResponse:
    """GET and POST feedback/labels/: what reviewers can say in a word. Whether examples name them is an admin's."""
    found = page_project(request, project, Permission.POLICY_EDIT)
    now = taxonomy(found)
    form = TaxonomyForm(request.POST if request.method == "POST" else None, initial=TaxonomyForm.initial_of(now))
    runs_project = Permission.PROJECT_MANAGE in request.project_permissions  # type: ignore[attr-defined]
    if not runs_project:
        del form.fields["reviewer_names"]
    if request.method == "POST" and form.is_valid():
        try:
            save_taxonomy(
                project=found,
                labels=form.drafts(),
                closed=form.cleaned_data["closed"],
                reviewer_names=form.cleaned_data.get("reviewer_names", now.reviewer_names),
                by=Caller(user=person(request)),
                now=clock.now(),
            )
        except InvalidLabels as error:
            form.add_error("labels", str(error))
        else:
            messages.success(request, _("The labels are saved."))
            return redirect("reviews:labels", project=project)
    context = {"project": found, "form": form, "tab": "labels", "runs_project": runs_project}
    return render(request, "reviews/labels.html", context, status=422 if form.errors else 200)
