"""Reading the queue: the list, one request beside it, and the parts that other pages show."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django_htmx.http import push_url, trigger_client_event

from agents.access import page_project
from agents.models import Project, User
from agents.permissions import Permission
from agents.views.person import person
from console.lib import clock
from console.lib.unseen import visible
from metrics.views.saved_views import menu_context
from reviews import states
from reviews.access import page_approval
from reviews.forms import DecisionForm, MessageForm, QuestionForm, form_for
from reviews.models import Approval, ApprovalItem
from reviews.selectors.feedback import offered_labels
from reviews.selectors.looking import looking_at
from reviews.selectors.queue import detail, queue_counts
from reviews.selectors.records import of_trace, session_cost
from reviews.views.bar import bar_of
from reviews.views.lines import Line, line_at, lines_of
from reviews.views.listing import Listing, Wish, listing_of, queue_url, wish_of
from reviews.views.presentation import outcome_sentence, reading, status_at
from reviews.views.undo import undo_left

TRACE_ID = re.compile(r"[0-9a-fA-F]{32}")
INDEX = re.compile(r"[0-9]{1,4}")


def queue(request: HttpRequest, project: str) -> HttpResponse:
    """GET queue/: the list, and beside it the first request of it."""
    found = page_project(request, project, Permission.APPROVAL_VIEW)
    listing = listing_of(found, wish_of(request), now=clock.now())
    shown = loaded(listing.rows[0].pk, found) if listing.rows else None
    answer = split_page(request, found, listing, shown, pane="list")
    # A form sends its empty fields too; the address that people share names only what is chosen.
    filtered = request.headers.get("HX-Source") == "form#queue-filters"
    return push_url(answer, queue_url(found, listing.wish)) if filtered else answer


def approval(request: HttpRequest, project: str, approval_id: UUID) -> HttpResponse:
    """GET queue/<id>/: one request, and the list beside it."""
    shown = page_approval(request, project, approval_id, Permission.APPROVAL_VIEW)
    listing = listing_of(shown.project, wish_of(request), now=clock.now())
    return split_page(request, shown.project, listing, shown, pane="detail")


def approval_item(request: HttpRequest, project: str, approval_id: UUID) -> HttpResponse:
    """GET queue/<id>/item/: the request alone, for the pane that shows it.

    A pane that still shows it as waiting (`?shown=`) is told when somebody else was faster.
    """
    shown = page_approval(request, project, approval_id, Permission.APPROVAL_VIEW)
    answer = render(request, "reviews/_item.html", item_context(request, shown, wish_of(request)))
    was_open = request.GET.get("shown", "") in states.WAITING
    if was_open and status_at(shown, clock.now()) not in states.WAITING and shown.decided_by_id != request.user.pk:
        assert isinstance(request.user, User)
        toast(answer, outcome_sentence(shown, request.user), kind="info")
    return answer


def approval_looking(request: HttpRequest, project: str, approval_id: UUID) -> HttpResponse:
    """GET queue/<id>/looking/: who else has the request open."""
    shown = page_approval(request, project, approval_id, Permission.APPROVAL_VIEW)
    return render(request, "reviews/_looking.html", {"looking": looking_at(shown, besides=person(request))})


def queue_list(request: HttpRequest, project: str) -> HttpResponse:
    """GET queue/list/: the list alone, for live updates; `?selected=` is the request that is open beside it."""
    found = page_project(request, project, Permission.APPROVAL_VIEW)
    listing = listing_of(found, wish_of(request), now=clock.now())
    context = {"project": found, "listing": listing, "selected": request.GET.get("selected", "")}
    return render(request, "reviews/_list.html", context)


def tile(request: HttpRequest, project: str) -> HttpResponse:
    """GET queue/tile/: how many requests wait and how long the oldest has, for the overview."""
    found = page_project(request, project, Permission.APPROVAL_VIEW)
    counts = queue_counts(found, now=clock.now())
    return render(request, "reviews/_tile.html", {"project": found, "counts": counts})


def trace_approvals(request: HttpRequest, project: str) -> HttpResponse:
    """GET queue/of-trace/?trace_id=: the requests that were made in a trace, for the page of that trace."""
    found = page_project(request, project, Permission.APPROVAL_VIEW)
    trace_id = request.GET.get("trace_id", "")
    rows = of_trace(found, trace_id) if TRACE_ID.fullmatch(trace_id) else []
    return render(request, "reviews/_of_trace.html", {"project": found, "rows": rows})


def split_page(
    request: HttpRequest,
    project: Project,
    listing: Listing,
    shown: Approval | None,
    *,
    pane: str,
    form: DecisionForm | None = None,
    verdict: states.Verdict | None = None,
    unsaid: QuestionForm | MessageForm | None = None,
) -> HttpResponse:
    """The queue with a request open; `pane` is the one that a narrow screen shows. For the rest see `item_context`."""
    context: dict[str, Any] = {
        "project": project,
        "listing": listing,
        "pane": pane,
        "wish": listing.wish,
        "public_url": settings.PUBLIC_URL,
        "selected": str(shown.pk) if shown else "",
        "undo": undo_left(request, project),
    }
    context |= menu_context(request, project, "queue")
    if shown is not None:
        context |= item_context(request, shown, listing.wish, form=form, verdict=verdict, unsaid=unsaid)
    return render(request, "reviews/_queue.html" if request.htmx else "reviews/queue.html", context)  # type: ignore[attr-defined]


def item_context(
    request: HttpRequest,
    shown: Approval,
    wish: Wish,
    *,
    index: int | None = None,
    form: DecisionForm | None = None,
    verdict: states.Verdict | None = None,
    unsaid: QuestionForm | MessageForm | None = None,
) -> dict[str, Any]:
    """What `_item.html` shows of a request, and of a batch of the action of that index, else of the one asked for.

    `form` is one that could not be accepted, of `verdict`; `unsaid` one of what was to be said to the agent.
    """
    assert isinstance(request.user, User)
    lines = lines_of(shown, request.user)
    item = line_at(lines, item_index(request) if index is None else index).item
    read = reading(detail(shown, item=item), lines=lines, viewer=request.user, now=clock.now())
    bar = bar_of(request, read, wish)
    if form is not None and bar.state == "confirm":
        bar = replace(bar, state="open", unproven=True)
    failed = verdict.value if form is not None and verdict is not None else ""
    if isinstance(unsaid, QuestionForm) and bar.question:
        bar, failed = replace(bar, question=unsaid), "question"
    elif isinstance(unsaid, MessageForm) and bar.message:
        bar, failed = replace(bar, message=unsaid), "message"
    forms = _forms(shown.project, item) if bar.state == "open" else {}
    forms |= {failed: form} if form is not None and failed in forms else {}
    return {
        "project": shown.project,
        "approval": shown,
        "read": read,
        "wish": wish,
        "forms": forms,
        "bar": bar,
        "failed": failed,
        "session_cost": session_cost(shown),
        "looking": looking_at(shown, besides=request.user) if read.is_open else [],
        "selected": str(shown.pk),
    }


def _forms(project: Project, item: ApprovalItem) -> dict[str, DecisionForm]:
    """The form of each verdict that an action allows, by verdict."""
    allowed, reasons = item.allowed_decisions, project.reject_reasons
    labels = offered_labels(project) if allowed else []
    return {name: form_for(states.Verdict(name), item=item, reasons=reasons, labels=labels) for name in allowed}


def item_index(request: HttpRequest) -> int | None:
    """Which action of a batch the address, or the form that was sent, is about; None when it does not say."""
    given = request.POST.get("item") or request.GET.get("item") or ""
    return int(given) if INDEX.fullmatch(given) else None


def loaded(approval_id: UUID, project: Project) -> Approval:
    """A request with everything that its page shows, as it is now."""
    found = Approval.objects.with_parts().with_people().get(pk=approval_id)
    found.project = project
    return found


def toast(answer: HttpResponse, text: str, *, kind: str = "ok", **more: Any) -> None:
    """Has the browser show a short message; for what may go with it see static/js/toast.js."""
    trigger_client_event(answer, "toast", {"text": text, "kind": kind, **more})


def undo_of(approval: Approval, viewer: User, wish: Wish) -> dict[str, Any]:
    """What a toast needs to offer a way back, while there is one; nothing when the agent has been told."""
    mine = any(vote.reviewer_id == viewer.pk and not vote.withdrawn_at for vote in approval.decisions.all())
    if not (approval.is_waiting and approval.settles_at and mine):
        return {}
    address = {"project": approval.project.slug, "approval_id": approval.pk}
    url = reverse("reviews:withdraw", kwargs=address) + wish.query
    left = max((approval.settles_at - clock.now()).total_seconds(), 0)
    return {"action": {"text": _("Undo"), "post": url, "target": "#item"}, "seconds": round(left)}


def decided_words(line: Line, verdict: states.Verdict, *, needed: int) -> str:
    """What a reviewer has just done, in words: of one who is not enough, only that they count."""
    if line.standing.deciding is None:
        text = _("Your approval counts: %(n)d of %(needed)d for %(action)s")
        return text % {"n": line.agreeing, "needed": needed, "action": visible(line.item.action)}
    words = {
        states.Verdict.APPROVE: _("Approved: %(action)s"),
        states.Verdict.EDIT: _("Approved with changes: %(action)s"),
        states.Verdict.REJECT: _("Rejected: %(action)s"),
        states.Verdict.RESPOND: _("Answered: %(action)s"),
    }
    return words[verdict] % {"action": visible(line.item.action)}
