"""Where the decide links of messages lead: behind the login, to a question. Following a link decides nothing."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from agents.permissions import Permission
from reviews import states
from reviews.access import page_approval
from reviews.forms import form_for
from reviews.selectors.feedback import offered_labels
from reviews.views.proof import proof_url, proved

OFFERED = (states.Verdict.APPROVE, states.Verdict.REJECT)


@never_cache
@require_safe
def one_click(request: HttpRequest, project: str, approval_id: UUID, verdict: str) -> HttpResponse:
    """GET queue/<id>/decide/<verdict>/: one question, whose answer is posted where every decision is.

    What cannot be answered in one click (a batch, a request that is closed, a verdict it does not allow) opens the
    request itself. Where it asks for a proof of who decides, the way leads through that and back to the question.
    """
    approval = page_approval(request, project, approval_id, Permission.APPROVAL_DECIDE)
    if verdict not in OFFERED:
        raise Http404
    items = list(approval.items.all())
    if len(items) != 1 or not approval.is_waiting or verdict not in items[0].allowed_decisions:
        return redirect("reviews:approval", project=project, approval_id=approval_id)
    context = {"approval": approval, "verdict": verdict, "item": items[0]}
    if approval.review_plan.asks_proof and not proved(request):
        return render(request, "reviews/one_click.html", context | {"prove_at": proof_url(request, request.path)})
    reasons, labels = approval.project.reject_reasons, offered_labels(approval.project)
    form = form_for(states.Verdict(verdict), item=items[0], reasons=reasons, labels=labels)
    return render(request, "reviews/one_click.html", context | {"form": form})
