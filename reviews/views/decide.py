"""Deciding in the browser: every verdict is one call of the decision service, with or without JavaScript."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_htmx.http import push_url

from agents.authentication import Caller, reauthenticated
from agents.models import User
from agents.permissions import Permission
from agents.views.person import person
from console.lib import clock
from reviews import states
from reviews.access import page_approval
from reviews.edit_form import RESHAPES, EditForm
from reviews.forms import DecisionForm, form_for
from reviews.models import Approval, ApprovalItem, Decision
from reviews.selectors.feedback import offered_labels
from reviews.services.bulk import approve_items
from reviews.services.decisions import (
    InvalidDecision,
    OwnRequest,
    ReauthenticationNeeded,
    decide,
    decide_instead,
    repeats,
)
from reviews.services.transitions import AlreadyDecided
from reviews.views.lines import line_at, lines_of, next_left
from reviews.views.listing import Wish, approval_url, listing_of, next_for_viewer, queue_url, wish_of
from reviews.views.presentation import outcome_sentence
from reviews.views.queue import INDEX, decided_words, item_context, item_index, loaded, split_page, toast, undo_of


def decision(request: HttpRequest, project: str, approval_id: UUID) -> HttpResponse:
    """POST queue/<id>/decision/: a verdict. Afterwards the next waiting request is open."""
    approval = page_approval(request, project, approval_id, Permission.APPROVAL_DECIDE)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    wish = wish_of(request)
    verdict = _verdict(request)
    if verdict is None:
        return _refused(request, approval, wish, _("Choose what to do with this request."))
    item = _item(request, approval)
    found = approval.project
    labels = offered_labels(found)
    form = form_for(verdict, item=item, reasons=found.reject_reasons, labels=labels, data=request.POST)
    if isinstance(form, EditForm) and _rebuilds(request):
        return _again(request, approval, wish, _rebuilt(request, form), verdict)
    if not form.is_valid() or (isinstance(form, EditForm) and not _may_be_sent(request, form)):
        return _again(request, approval, wish, form, verdict)
    return _decide(request, approval, wish, form, verdict)


def rest(request: HttpRequest, project: str, approval_id: UUID) -> HttpResponse:
    """POST queue/<id>/rest/: approves those actions of a batch that a confirmation has listed, by their `items`."""
    approval = page_approval(request, project, approval_id, Permission.APPROVAL_DECIDE)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    wish, now = wish_of(request), clock.now()
    by = reauthenticated(Caller(user=person(request)), request)
    items = [int(text) for text in request.POST.getlist("items") if INDEX.fullmatch(text)]
    if not items:
        return _refused(request, approval, wish, _("Nothing of this request is left to approve."))
    try:
        results = approve_items(approval=approval, by=by, items=items, now=now)
    except (OwnRequest, ReauthenticationNeeded) as error:
        return _refused(request, approval, wish, str(error))
    fresh = loaded(approval.pk, approval.project)
    done = sum(isinstance(result, Decision) for _index, result in results)
    if done < len(results):
        text = _("%(done)d of %(all)d actions approved: the others are closed, or do not allow it.")
        return _refused(request, fresh, wish, text % {"done": done, "all": len(results)})
    return _next(request, fresh, wish, _approved_words(fresh, person(request), items))


def _approved_words(approval: Approval, viewer: User, items: Collection[int]) -> str:
    """What has become of actions that a person has just approved together."""
    lines = [line for line in lines_of(approval, viewer) if line.item.index in items]
    votes = sum(line.standing.deciding is None for line in lines)
    if votes:
        needed = approval.review_plan.approvals_needed
        text = ngettext(
            "Your approval counts for %(n)d action: %(needed)d people have to approve the same.",
            "Your approval counts for %(n)d actions: %(needed)d people have to approve the same.",
            votes,
        )
        return text % {"n": votes, "needed": needed}
    return ngettext("Approved: %(n)d action", "Approved: %(n)d actions", len(lines)) % {"n": len(lines)}


def changes(request: HttpRequest, project: str, approval_id: UUID) -> HttpResponse:
    """POST queue/<id>/changes/: what an edit that is being typed would change; or the editor in its other form."""
    approval = page_approval(request, project, approval_id, Permission.APPROVAL_DECIDE)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    rebuilt = _rebuilds(request)
    labels = offered_labels(approval.project) if rebuilt else []
    form = form_for(states.Verdict.EDIT, item=_item(request, approval), reasons=[], labels=labels, data=request.POST)
    assert isinstance(form, EditForm)
    if rebuilt:
        form = _rebuilt(request, form)
    form.is_valid()
    context = {"project": approval.project, "approval": approval, "form": form, "wish": wish_of(request)}
    context["begun"] = bool(form.errors or form.changes() or form["reason"].value())
    return render(request, "reviews/_editor.html" if rebuilt else "reviews/_changes.html", context)


def _rebuilds(request: HttpRequest) -> bool:
    """Whether the editor is asked for anew, with other fields or with a draft in it, rather than a decision."""
    return any(request.POST.get(name) for name in ("switch", "restore", "afresh", *RESHAPES))


def _item(request: HttpRequest, approval: Approval) -> ApprovalItem:
    """The action that a form is about: the one that it names, or the only one.

    Nothing is guessed: 404 for an action that there is not, 400 where a batch's form names none.
    """
    items, index = list(approval.items.all()), item_index(request)
    if index is None:
        if len(items) > 1 or request.POST.get("item"):
            raise BadRequest("item: which action is meant?")
        return items[0]
    found = next((item for item in items if item.index == index), None)
    if found is None:
        raise Http404("no such action")
    return found


def _rebuilt(request: HttpRequest, form: EditForm) -> EditForm:
    """The editor in its other form, or with a part more or less; as it was while what was typed cannot be read."""
    if request.POST.get("restore"):
        return form
    if request.POST.get("afresh"):
        return EditForm(item=form.item, start=form.item.arguments, labels=form.offered_labels, auto_id="edit-%s")
    form.is_valid()
    start = form.arguments
    as_json = form.as_json
    if request.POST.get("switch"):
        as_json = request.POST["switch"] == "json"
    else:
        verb = next(name for name in RESHAPES if request.POST.get(name))
        start = form.reshaped(verb, request.POST[verb])
    if start is None:
        return form
    kept = {"initial": {"reason": form.data.get("reason", ""), "labels": form.labels}, "auto_id": "edit-%s"}
    return EditForm(item=form.item, start=start, as_json=as_json, labels=form.offered_labels, **kept)


def _verdict(request: HttpRequest) -> states.Verdict | None:
    try:
        return states.Verdict(request.POST.get("verdict", ""))
    except ValueError:
        return None


def _may_be_sent(request: HttpRequest, form: EditForm) -> bool:
    """An edit is sent when its diff has been looked at; what has changed since is shown first."""
    return request.POST.get("step") == "send" and form.was_seen


def _decide(
    request: HttpRequest, approval: Approval, wish: Wish, form: DecisionForm, verdict: states.Verdict
) -> HttpResponse:
    viewer = person(request)
    by = reauthenticated(Caller(user=viewer), request)
    item = _item(request, approval)
    ruling = replace(form.ruling(), item=item.index)
    try:
        verb = decide_instead if request.POST.get("instead") else decide
        result = verb(approval=approval, by=by, ruling=ruling, now=clock.now())
    except ReauthenticationNeeded as error:
        if verdict is states.Verdict.APPROVE:
            return _refused(request, approval, wish, str(error))
        return _again(request, approval, wish, form, verdict)
    except OwnRequest as error:
        return _refused(request, approval, wish, str(error))
    except InvalidDecision as error:
        for errors in error.errors.values():
            form.add_error(None, errors)
        return _again(request, approval, wish, form, verdict)
    fresh = loaded(approval.pk, approval.project)
    line = line_at(lines_of(fresh, viewer), item.index)
    if isinstance(result, AlreadyDecided) and (line.mine is None or not repeats(line.mine, by=by, ruling=ruling)):
        return _refused(request, fresh, wish, _too_late(fresh, result, viewer))
    needed = fresh.review_plan.approvals_needed
    return _next(request, fresh, wish, decided_words(line, verdict, needed=needed))


def _too_late(approval: Approval, lost: AlreadyDecided, viewer: User) -> str:
    """Who was first, also where only one action of several is decided, or the agent has not been told yet."""
    if approval.is_waiting and lost.decided_by:
        return lost.sentence
    return outcome_sentence(approval, viewer)


def _next(request: HttpRequest, approval: Approval, wish: Wish, text: str) -> HttpResponse:
    """Opens what comes next: the next action of the batch, the next request of the queue, or the emptied queue."""
    project = approval.project
    left = lines_of(approval, person(request)) if approval.is_open else []
    index = next_left(left, after=item_index(request) or 0)
    following: Approval | None = approval
    if index is None:
        found = next_for_viewer(project, wish, after=approval, now=clock.now())
        following = loaded(found.pk, project) if found else None
    url = approval_url(following, project, wish, item=index) if following else queue_url(project, wish)
    if not request.htmx:  # type: ignore[attr-defined]
        messages.success(request, text)
        return HttpResponseRedirect(url, status=303)
    context = {"project": project, "wish": wish, "selected": ""}
    if following is not None:
        context |= item_context(request, following, wish, index=index)
    context["listing"] = listing_of(project, wish, now=clock.now())
    answer = render(request, "reviews/_decided.html", context)
    toast(answer, text, **undo_of(approval, person(request), wish))
    return push_url(answer, url)


def _again(
    request: HttpRequest, approval: Approval, wish: Wish, form: DecisionForm, verdict: states.Verdict
) -> HttpResponse:
    """Shows the form again with what is missing; of an edit, with its diff."""
    faulty = bool(form.errors)
    status = 422 if faulty else 200
    if request.htmx:  # type: ignore[attr-defined]
        context = item_context(request, approval, wish, form=form, verdict=verdict)
        return render(request, "reviews/_item.html", context, status=status)
    listing = listing_of(approval.project, wish, now=clock.now())
    page = split_page(request, approval.project, listing, approval, pane="detail", form=form, verdict=verdict)
    page.status_code = status
    return page


def _refused(request: HttpRequest, approval: Approval, wish: Wish, text: str) -> HttpResponse:
    """Says why nothing was decided, and shows the request as it is now."""
    if not request.htmx:  # type: ignore[attr-defined]
        messages.warning(request, text)
        return HttpResponseRedirect(approval_url(approval, approval.project, wish), status=303)
    fresh = loaded(approval.pk, approval.project)
    answer = render(request, "reviews/_item.html", item_context(request, fresh, wish))
    toast(answer, text, kind="warn")
    return answer
