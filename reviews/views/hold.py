"""Who looks at a request: claiming it, letting it go, giving it to somebody, asking the agent, thinking again."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from agents.authentication import Caller
from agents.permissions import Permission
from agents.views.person import person
from console.lib import clock
from reviews.access import page_approval
from reviews.forms import AssignForm, MessageForm, QuestionForm
from reviews.models import Approval
from reviews.services.assignment import Assigned, InvalidAssignee, assign
from reviews.services.claims import CannotClaim, HeldBy, claim, release, renew
from reviews.services.decisions import withdraw
from reviews.services.information import post_message, request_info
from reviews.services.transitions import AlreadyDecided
from reviews.views.listing import approval_url, listing_of, wish_of
from reviews.views.presentation import outcome_sentence
from reviews.views.queue import item_context, item_index, loaded, split_page, toast


def claim_request(request: HttpRequest, project: str, approval_id: UUID) -> HttpResponse:
    """POST queue/<id>/claim/: takes the request, with `take_over` also from somebody else."""
    approval = page_approval(request, project, approval_id, Permission.APPROVAL_DECIDE)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    by = Caller(user=person(request))
    try:
        result = claim(approval=approval, by=by, now=clock.now(), take_over=bool(request.POST.get("take_over")))
    except CannotClaim as error:
        return shown_again(request, approval, str(error), kind="warn")
    if isinstance(result, HeldBy):
        return shown_again(request, approval, result.sentence, kind="warn")
    if isinstance(result, AlreadyDecided):
        return shown_again(request, approval, result.sentence, kind="warn")
    return shown_again(request, approval)


def renew_claim(request: HttpRequest, project: str, approval_id: UUID) -> HttpResponse:
    """POST queue/<id>/renew/: what an open page says every other minute; nothing changes on it."""
    approval = page_approval(request, project, approval_id, Permission.APPROVAL_DECIDE)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    renew(approval=approval, by=Caller(user=person(request)), now=clock.now())
    return HttpResponse(status=204)


def release_request(request: HttpRequest, project: str, approval_id: UUID) -> HttpResponse:
    """POST queue/<id>/release/: gives the request back to the queue."""
    approval = page_approval(request, project, approval_id, Permission.APPROVAL_DECIDE)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    release(approval=approval, by=Caller(user=person(request)), now=clock.now())
    return shown_again(request, approval)


def assign_request(request: HttpRequest, project: str, approval_id: UUID) -> HttpResponse:
    """POST queue/<id>/assign/: gives the request to a person, a team, or everybody."""
    approval = page_approval(request, project, approval_id, Permission.APPROVAL_ASSIGN)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    form = AssignForm(request.POST, project=approval.project)
    if not form.is_valid():
        return shown_again(request, approval, _("Choose a person or a team from the list."), kind="warn")
    by, (user, team) = Caller(user=person(request)), form.chosen()
    try:
        result = assign(approval=approval, by=by, user=user, team=team, now=clock.now())
    except InvalidAssignee as error:
        return shown_again(request, approval, str(error), kind="warn")
    if isinstance(result, AlreadyDecided):
        return shown_again(request, approval, result.sentence, kind="warn")
    return shown_again(request, approval, _assigned_words(result))


def ask_agent(request: HttpRequest, project: str, approval_id: UUID) -> HttpResponse:
    """POST queue/<id>/question/: asks the agent before anybody decides."""
    approval = page_approval(request, project, approval_id, Permission.APPROVAL_DECIDE)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    form = QuestionForm(request.POST, auto_id="question-%s")
    if not form.is_valid():
        return _unsaid(request, approval, form)
    by = Caller(user=person(request))
    lost = request_info(approval=approval, by=by, text=form.cleaned_data["text"], now=clock.now())
    if lost is not None:
        return shown_again(request, approval, lost.sentence, kind="warn")
    return shown_again(request, approval, _("Asked. The agent\u2019s answer appears here."))


def write_message(request: HttpRequest, project: str, approval_id: UUID) -> HttpResponse:
    """POST queue/<id>/message/: a word to the agent, or the answer of the person who made the request."""
    approval = page_approval(request, project, approval_id, Permission.APPROVAL_DECIDE)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    form = MessageForm(request.POST, auto_id="message-%s")
    if not form.is_valid():
        return _unsaid(request, approval, form)
    by, text = Caller(user=person(request)), form.cleaned_data["text"]
    lost = post_message(approval=approval, by=by, text=text, now=clock.now())
    if lost is not None:
        return shown_again(request, approval, lost.sentence, kind="warn")
    return shown_again(request, approval, _("Written. The agent finds it with the request."))


def withdraw_decision(request: HttpRequest, project: str, approval_id: UUID) -> HttpResponse:
    """POST queue/<id>/withdraw/: takes one's own verdicts back, of a batch with `item` the one on that action."""
    approval = page_approval(request, project, approval_id, Permission.APPROVAL_DECIDE)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    taken = withdraw(approval=approval, by=Caller(user=person(request)), now=clock.now(), item=item_index(request))
    if taken:
        return shown_again(request, approval, _("Taken back. The agent was not told."), kind="info")
    fresh = loaded(approval.pk, approval.project)
    if fresh.is_waiting:
        return shown_again(request, approval, _("There is nothing of yours to take back."), kind="warn")
    late = _("It is too late to take it back.")
    return shown_again(request, approval, f"{late} {outcome_sentence(fresh, person(request))}", kind="warn")


def shown_again(request: HttpRequest, approval: Approval, text: str = "", *, kind: str = "ok") -> HttpResponse:
    """The request as it is now, with a word about what happened; without htmx by way of its address."""
    wish = wish_of(request)
    if not request.htmx:  # type: ignore[attr-defined]
        if text:
            messages.add_message(request, messages.WARNING if kind == "warn" else messages.SUCCESS, text)
        url = approval_url(approval, approval.project, wish, item=item_index(request))
        return HttpResponseRedirect(url, status=303)
    fresh = loaded(approval.pk, approval.project)
    context = item_context(request, fresh, wish)
    context["listing"] = listing_of(approval.project, wish, now=clock.now())
    answer = render(request, "reviews/_decided.html", context)
    if text:
        toast(answer, text, kind=kind)
    return answer


def _unsaid(request: HttpRequest, approval: Approval, form: QuestionForm | MessageForm) -> HttpResponse:
    """The form again with what is wrong with it: what was written stays."""
    wish = wish_of(request)
    if request.htmx:  # type: ignore[attr-defined]
        context = item_context(request, loaded(approval.pk, approval.project), wish, unsaid=form)
        return render(request, "reviews/_item.html", context, status=422)
    listing = listing_of(approval.project, wish, now=clock.now())
    page = split_page(request, approval.project, listing, approval, pane="detail", unsaid=form)
    page.status_code = 422
    return page


def _assigned_words(result: Assigned) -> str:
    if result.user is not None and result.instead_of is not None:
        names = {"name": result.user.display_name, "meant": result.instead_of.display_name}
        return _("Assigned to %(name)s, who stands in for %(meant)s.") % names
    if result.user is not None:
        return _("Assigned to %(name)s.") % {"name": result.user.display_name}
    if result.team is not None:
        return _("Assigned to %(name)s.") % {"name": result.team.name}
    return _("Given back to everybody who may decide.")
