"""Asking the agent before deciding, and what the agent and people write to each other about a request."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from agents.authentication import Caller
from agents.messages import plain
from agents.services.notify import notify
from reviews import states
from reviews.models import Approval, ApprovalEvent
from reviews.services.decisions import NotAPerson
from reviews.services.settling import locked, overtaken
from reviews.services.transitions import AlreadyDecided, add_event, announce


@transaction.atomic
def request_info(*, approval: Approval, by: Caller, text: str, now: datetime) -> AlreadyDecided | None:
    """Asks the agent something before anybody decides; None when that worked.

    The clock runs on. The request waits for the answer, which anybody may do without: it can still be decided.
    Asking again adds a question. Raises NotAPerson.
    """
    if by.user is None:
        raise NotAPerson(_("Only people ask for information: an agent's key answers with a message."))
    row = locked(approval)
    lost = overtaken(row, now=now)
    if lost is not None:
        return lost
    _move(row, states.Verb.REQUEST_INFO)
    add_event(approval=row, kind=ApprovalEvent.Kind.INFO_REQUESTED, by=by, now=now, detail={"text": text})
    announce(project=row.project, approval_ids=[row.pk], status=row.status, now=now)
    return None


@transaction.atomic
def post_message(*, approval: Approval, by: Caller, text: str, now: datetime) -> AlreadyDecided | None:
    """Adds to the conversation about a waiting request; None when that worked.

    Where information was asked for, a message from whoever made the request is the answer: people may look again.
    """
    row = locked(approval)
    lost = overtaken(row, now=now)
    if lost is not None:
        return lost
    answer = row.status == states.Status.INFO_REQUESTED and _made_by(row, by)
    if answer:
        _move(row, states.Verb.PROVIDE_INFO)
        _tell_who_asked(row, text, now)
    detail = {"text": text, **({"answer": True} if answer else {})}
    add_event(approval=row, kind=ApprovalEvent.Kind.MESSAGE, by=by, now=now, detail=detail)
    announce(project=row.project, approval_ids=[row.pk], status=row.status, now=now, wake=answer)
    return None


def _move(row: Approval, verb: states.Verb) -> None:
    row.status = states.target(states.Status(row.status), verb)
    row.save(update_fields=["status"])


def _made_by(row: Approval, by: Caller) -> bool:
    """Whether this is the agent, with whatever key of the project it has today, or the person who asked."""
    return by.key is not None or (by.user is not None and by.user.pk == row.requested_by_user_id)


def _tell_who_asked(row: Approval, text: str, now: datetime) -> None:
    questions = row.events.filter(kind=ApprovalEvent.Kind.INFO_REQUESTED, actor__isnull=False)
    question = questions.select_related("actor").order_by("-id").first()
    if question is None or question.actor is None:
        return
    notify(
        users=[question.actor],
        project=row.project,
        kind="approval.info_provided",
        title=_("Answer about %(action)s") % {"action": plain(row.action)},
        body=plain(text),
        url=reverse("reviews:approval", args=[row.project.slug, row.pk]),
        now=now,
    )
