"""The labelled examples that decisions have left."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from agents.access import page_project
from agents.permissions import Permission
from console.lib.http import Problem
from reviews.arguments import brief, excerpt, pretty
from reviews.diff import Change, changes
from reviews.models import Approval, FeedbackExample
from reviews.selectors.feedback import FeedbackFilter, revisions
from reviews.selectors.records import feedback_page, record_choices

PROPOSED_CHARS = 5_000
PAGE_ROWS = 50
FILTERS = ("action", "verdict", "agent")
FILTER_CHARS = 200


@dataclass(frozen=True)
class Row:
    """One example for the table."""

    example: FeedbackExample
    brief: str
    proposed: str
    changed: list[Change]


def feedback(request: HttpRequest, project: str) -> HttpResponse:
    """GET feedback/: labelled examples, newest first, and how a program pulls them."""
    found = page_project(request, project, Permission.FEEDBACK_VIEW)
    chosen = {name: request.GET.get(name, "")[:FILTER_CHARS].replace("\x00", "") for name in FILTERS}
    if chosen["verdict"] not in FeedbackExample.Verdict.values:
        chosen["verdict"] = ""
    try:
        page = feedback_page(found, filters=_filter(chosen), cursor=request.GET.get("cursor") or None, size=PAGE_ROWS)
    except Problem as problem:
        raise BadRequest(problem.detail) from None
    choices = record_choices(found)
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in chosen.items() if value})
    context = {
        "project": found,
        "rows": [_row(example) for example in page.rows],
        "next_query": f"{query.urlencode()}{'&' if query else ''}cursor={page.next_cursor}" if page.next_cursor else "",
        "chosen": chosen,
        "narrowed": bool(query),
        "first_page": not request.GET.get("cursor"),
        "actions": choices["action"],
        "agents": choices["agent"],
        "verdicts": FeedbackExample.Verdict.choices,
        "public_url": settings.PUBLIC_URL,
    }
    return render(request, "reviews/feedback.html", context)


def example(request: HttpRequest, project: str, approval_id: UUID, index: int) -> HttpResponse:
    """GET feedback/<approval>/<index>/: one example with its revisions."""
    found = page_project(request, project, Permission.FEEDBACK_VIEW)
    approval = Approval.objects.filter(project=found, pk=approval_id).first()
    known = revisions(approval, index) if approval else []
    if not known:
        raise Http404
    return render(request, "reviews/example.html", {"project": found, "example": known[-1], "revisions": known[::-1]})


def _filter(chosen: dict[str, str]) -> FeedbackFilter:
    action, verdict, agent = (chosen[name] for name in FILTERS)
    undecided = verdict in FeedbackExample.UNDECIDED
    return FeedbackFilter(action=action, verdict=verdict, agent=agent, undecided=undecided)


def _row(example: FeedbackExample) -> Row:
    proposed = example.item.arguments
    final = example.decision.arguments if example.decision else None
    changed = changes(proposed, final) if example.verdict == FeedbackExample.Verdict.EDIT else []
    text, left_out = excerpt(pretty(proposed), limit=PROPOSED_CHARS)
    return Row(example, brief(proposed), f"{text}…" if left_out else text, changed)
