"""Seeds: closed requests with a known answer, mixed into what reviewers look at once more."""

from __future__ import annotations

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
from reviews.models import ApprovalItem, Rereview
from reviews.quality_forms import SeedForm
from reviews.selectors.quality import seeds_of
from reviews.selectors.rereview import first_verdict, rereview_of
from reviews.services.seeds import InvalidSeed, plant
from reviews.services.seeds import retire as retire_seed
from reviews.views.presentation import asked_in


def seeds(request: HttpRequest, project: str) -> HttpResponse:
    """GET feedback/quality/seeds/?retired=1: the seeds that are asked, else those that are not any more."""
    found = page_project(request, project, Permission.POLICY_EDIT)
    retired = request.GET.get("retired") == "1"
    context = {"project": found, "tab": "quality", "seeds": seeds_of(found, retired=retired), "retired": retired}
    return render(request, "reviews/seeds.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, project: str, approval_id: UUID, index: int) -> HttpResponse:
    """GET and POST feedback/quality/seeds/new/<request>/<item>/: makes a closed request a seed."""
    found = page_project(request, project, Permission.POLICY_EDIT)
    items = ApprovalItem.objects.filter(approval__project=found, approval=approval_id, index=index)
    item = items.select_related("approval__project", "approval__policy_version").first()
    if item is None:
        raise Http404
    before = Rereview.objects.filter(item=item, kind=Rereview.Kind.SEED).first()
    first = first_verdict(item.pk)
    start = {"known": before.known if before else first.verdict if first else ""}
    start["explanation"] = before.explanation if before else ""
    form = SeedForm(request.POST if request.method == "POST" else None, item=item, initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            plant(item=item, by=Caller(user=person(request)), draft=form.draft(), now=clock.now())
        except InvalidSeed as error:
            for field, texts in error.errors.items():
                form.add_error(field if field in form.fields else None, texts)
        else:
            messages.success(request, _("It is a seed now, mixed into what reviewers look at once more."))
            return redirect("reviews:seeds", project=project)
    context = {
        "project": found,
        "tab": "quality",
        "approval": item.approval,
        "read": asked_in(item.approval, item),
        "first": first,
        "form": form,
    }
    return render(request, "reviews/seed.html", context, status=422 if form.errors else 200)


@require_POST
def retire(request: HttpRequest, project: str, rereview_id: UUID) -> HttpResponse:
    """POST feedback/quality/seeds/<id>/retire/: asks a seed no more."""
    found = page_project(request, project, Permission.POLICY_EDIT)
    seed = rereview_of(found, rereview_id)
    if seed is None or seed.kind != Rereview.Kind.SEED:
        raise Http404
    if retire_seed(seed=seed, by=Caller(user=person(request)), now=clock.now()):
        messages.success(request, _("The seed is retired. Its answers stay in the report."))
    else:
        messages.info(request, _("Somebody has retired this seed already."))
    return redirect("reviews:seeds", project=project)
