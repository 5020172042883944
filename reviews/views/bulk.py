"""Deciding on many requests at once: only what is alike and harmless, and only after a page that lists them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from agents.access import page_project
from agents.authentication import Caller, reauthenticated
from agents.models import Project
from agents.permissions import Permission
from agents.views.person import person
from console.lib import clock
from reviews.access import uuid_of
from reviews.arguments import brief
from reviews.forms import ApproveForm, RejectForm, form_for
from reviews.models import Approval, Decision
from reviews.selectors.feedback import offered_labels
from reviews.selectors.queue import queue_page
from reviews.services.bulk import decide_many, waiting_for_others, withdraw_many
from reviews.services.claims import holder
from reviews.services.deciders import not_asked
from reviews.services.decisions import InvalidDecision
from reviews.states import Verdict
from reviews.views.listing import queue_url, wish_of
from reviews.views.proof import proof_url, proved
from reviews.views.undo import forget, remember, undo_left

SHOWN_MAX = 50
OFFERED = {verdict.value: verdict for verdict in (Verdict.APPROVE, Verdict.REJECT)}


@dataclass(frozen=True)
class Candidate:
    """One request of those that are alike, short; `problem` is why it was not decided."""

    approval: Approval
    brief: str
    problem: str = ""


def together(request: HttpRequest, project: str) -> HttpResponse:
    """GET queue/together/?action=: what is alike, to look through. POST: one verdict on those that are ticked."""
    found = page_project(request, project, Permission.APPROVAL_DECIDE)
    action = wish_of(request).filters.action
    if request.method != "POST":
        return _page(request, found, action, _candidates(request, found, action))
    verdict = OFFERED.get(request.POST.get("verdict", ""))
    keys = _chosen(request)
    if verdict is None or not keys:
        messages.warning(request, _("Tick the requests that you want to decide on."))
        return _page(request, found, action, _candidates(request, found, action), status=422)
    rows = Approval.objects.of_project(found).prefetch_related("items").in_bulk(keys)
    chosen = [Candidate(rows[key], brief(rows[key].item.arguments)) for key in keys if key in rows]
    if not chosen:
        return _page(request, found, action, [], status=422)
    item, reasons, labels = chosen[0].approval.item, found.reject_reasons, offered_labels(found)
    form = form_for(verdict, item=item, reasons=reasons, labels=labels, data=request.POST)
    assert isinstance(form, ApproveForm | RejectForm)
    if not form.is_valid():
        return _page(request, found, action, chosen, form=form, status=422)
    if _unproven(request, chosen):
        return _page(request, found, action, chosen, form=form, status=403)
    return _decide(request, found, action, chosen, form)


def _unproven(request: HttpRequest, candidates: Sequence[Candidate]) -> bool:
    """Whether a rule of one of them asks this person to prove again who they are."""
    asks = any(one.approval.review_plan.asks_proof for one in candidates)
    return asks and not proved(request)


def _decide(
    request: HttpRequest, project: Project, action: str, chosen: list[Candidate], form: ApproveForm | RejectForm
) -> HttpResponse:
    by = reauthenticated(Caller(user=person(request)), request)
    keys = [candidate.approval.pk for candidate in chosen]
    try:
        results = dict(decide_many(project=project, ids=keys, by=by, ruling=form.ruling(), now=clock.now()))
    except InvalidDecision as error:
        form.add_error(None, [text for texts in error.errors.values() for text in texts])
        return _page(request, project, action, chosen, form=form, status=422)
    taken = [key for key, result in results.items() if isinstance(result, Decision)]
    for text in _told(decided=len(taken) - len(votes := waiting_for_others(results.items())), votes=len(votes)):
        messages.success(request, text)
    remember(request, project, taken)
    refused = [
        Candidate(candidate.approval, candidate.brief, _why(results, candidate.approval.pk))
        for candidate in chosen
        if candidate.approval.pk not in taken
    ]
    if refused:
        return _page(request, project, action, refused, over="deciding")
    return HttpResponseRedirect(queue_url(project, wish_of(request)), status=303)


def _told(*, decided: int, votes: int) -> list[str]:
    """What became of those that were taken, in sentences."""
    found = []
    if decided or not votes:
        found.append(ngettext("%(n)d request decided.", "%(n)d requests decided.", decided) % {"n": decided})
    if votes:
        text = ngettext(
            "Your approval of %(n)d request counts, and others have to approve it as well.",
            "Your approval of %(n)d requests counts, and others have to approve them as well.",
            votes,
        )
        found.append(text % {"n": votes})
    return found


def undo_together(request: HttpRequest, project: str) -> HttpResponse:
    """POST queue/together/undo/: takes back what was decided together (`ids`), as far as the agents are not told."""
    found = page_project(request, project, Permission.APPROVAL_DECIDE)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    results = withdraw_many(project=found, ids=_chosen(request), by=Caller(user=person(request)), now=clock.now())
    taken = sum(done for _row, done in results)
    forget(request)
    if taken:
        text = ngettext(
            "%(n)d decision taken back. The agent was not told.",
            "%(n)d decisions taken back. The agents were not told.",
            taken,
        )
        messages.success(request, text % {"n": taken})
    late = [Candidate(row, brief(row.item.arguments), _too_late(row)) for row, done in results if not done]
    if late or not results:
        action = late[0].approval.action if late else ""
        return _page(request, found, action, late, over="taking_back")
    return HttpResponseRedirect(queue_url(found, wish_of(request)), status=303)


def _too_late(approval: Approval) -> str:
    approval.refresh_from_db(fields=["status", "settles_at"])
    if approval.is_open:
        return _("There is nothing of yours to take back.")
    return _("It is too late to take it back: the agent is told.")


def _chosen(request: HttpRequest) -> list[UUID]:
    return [key for text in request.POST.getlist("ids") if (key := uuid_of(text)) is not None][:SHOWN_MAX]


def _why(results: Mapping[UUID, object], key: UUID) -> str:
    """Why one was not decided: somebody was first, or it may not be by this person or in this way."""
    result = results[key]
    sentence = getattr(result, "sentence", "")
    return str(sentence) if sentence else str(result)


def _candidates(request: HttpRequest, project: Project, action: str) -> list[Candidate]:
    """Those of the list, as it is filtered, that wait for one action and for this person, surely at low risk.

    The most urgent come first. What somebody else holds is left to them.
    """
    if not action:
        return []
    now, filters = clock.now(), replace(wish_of(request).filters, risk="low")
    rows = queue_page(project, now=now, filters=filters, cursor=None, size=SHOWN_MAX).rows
    whole = Approval.objects.prefetch_related("items").in_bulk([row.pk for row in rows])
    others, viewer = not_asked(rows, now=now), person(request).pk
    mine = [row for row in rows if viewer not in others[row.pk] and not _held_by_other(row, viewer, now)]
    alike = [whole[row.pk] for row in mine if row.pk in whole]
    return [
        Candidate(row, brief(row.item.arguments)) for row in alike if len(row.items.all()) == 1 and not row.in_doubt
    ]


def _held_by_other(row: Approval, viewer_id: int, now: datetime) -> bool:
    return row.claimed_by_id != viewer_id and holder(row, now=now) is not None


def _page(
    request: HttpRequest,
    project: Project,
    action: str,
    candidates: list[Candidate],
    *,
    form: ApproveForm | RejectForm | None = None,
    over: str = "",
    status: int = 200,
) -> HttpResponse:
    """The list. `over` says after what it is what was left out: deciding, or taking_back."""
    reject = form
    if not isinstance(reject, RejectForm):
        labels = offered_labels(project)
        reject = RejectForm(reasons=project.reject_reasons, labels=labels, auto_id="reject-%s")
    context = {
        "project": project,
        "action": action,
        "candidates": candidates,
        "form": form,
        "reject": reject,
        "over": over,
        "prove_at": proof_url(request, request.get_full_path()) if _unproven(request, candidates) else "",
        "undo": undo_left(request, project),
        "wish": wish_of(request),
        "back": queue_url(project, wish_of(request)),
    }
    return render(request, "reviews/together.html", context, status=status)
