"""The labelled examples that decisions have left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from agents.access import page_project
from agents.permissions import Permission
from console.lib.http import Problem
from reviews.arguments import brief, excerpt, pretty
from reviews.diff import Change, changes
from reviews.feedback_forms import chosen as chosen_in
from reviews.feedback_forms import filter_of, label_choices
from reviews.models import FeedbackExample
from reviews.selectors.feedback import taxonomy
from reviews.selectors.records import feedback_page, record_choices
from reviews.serializers.feedback import correction_of, outcome_of, reviewer_of
from reviews.services.outcomes import OUTCOMES

PROPOSED_CHARS = 5_000
PAGE_ROWS = 50
PSEUDONYM_SHOWN = 8


@dataclass(frozen=True)
class Row:
    """One example as pages show it. `reviewer` decided and `author` added the revision: names, or pseudonyms."""

    example: FeedbackExample
    brief: str
    proposed: str
    changed: list[Change]
    reviewer: str
    author: str


def feedback(request: HttpRequest, project: str) -> HttpResponse:
    """GET feedback/: labelled examples, newest first, and how a program pulls them."""
    found = page_project(request, project, Permission.FEEDBACK_VIEW)
    chosen = chosen_in(request.GET)
    try:
        page = feedback_page(found, filters=filter_of(chosen), cursor=request.GET.get("cursor") or None, size=PAGE_ROWS)
    except Problem as problem:
        raise BadRequest(problem.detail) from None
    choices, offered = record_choices(found), taxonomy(found)
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in chosen.items() if value})
    context: dict[str, Any] = {
        "project": found,
        "rows": [row_of(example, names=offered.reviewer_names) for example in page.rows],
        "next_query": f"{query.urlencode()}{'&' if query else ''}cursor={page.next_cursor}" if page.next_cursor else "",
        "chosen": chosen | {"since": chosen["from"]},
        "narrowed": bool(query),
        "first_page": not request.GET.get("cursor"),
        "actions": choices["action"],
        "agents": choices["agent"],
        "labels": label_choices(offered, chosen["label"]),
        "verdicts": FeedbackExample.Verdict.choices,
        "outcomes": OUTCOMES,
        "public_url": settings.PUBLIC_URL,
    }
    return render(request, "reviews/feedback.html", context)


def row_of(example: FeedbackExample, *, names: bool) -> Row:
    """An example as it is shown; with `names` it says who decided."""
    proposed = example.item.arguments
    final = example.decision.arguments if example.decision else None
    changed = changes(proposed, final) if example.verdict == FeedbackExample.Verdict.EDIT else []
    text, left_out = excerpt(pretty(proposed), limit=PROPOSED_CHARS)
    reviewer = _called(reviewer_of(example.decision, names=names))
    outcome = str((outcome_of(example, names=names) or {}).get("by", ""))
    told = {"decision": reviewer, "outcome": outcome, "score": ""}  # Scores say who gave them.
    corrected = correction_of(example.correction, names=names)
    author = told.get(example.cause, _called(corrected["by"]) if corrected else "")
    return Row(example, brief(proposed), f"{text}…" if left_out else text, changed, reviewer, author)


def _called(person: dict[str, str] | None) -> str:
    return (person.get("name") or person["id"][:PSEUDONYM_SHOWN]) if person else ""
