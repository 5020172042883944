"""The bar below a request: what this person may do with it now, or why nothing."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from agents.authentication import Caller, reauthenticated
from agents.permissions import Permission
from agents.views.person import person
from reviews.forms import AssignForm, QuestionForm
from reviews.services.decisions import why_barred
from reviews.views.listing import Wish, approval_url
from reviews.views.presentation import Reading


@dataclass(frozen=True)
class Bar:
    """What the bar offers.

    `state` is open (decide), confirm (prove first who you are), held (somebody else has it), voted (others have to
    agree), settling (decided, and can be undone), barred (not by this person: `why`), or empty: nothing to do.
    """

    state: str
    here: str = ""
    why: str = ""
    assign: AssignForm | None = None
    question: QuestionForm | None = None


def bar_of(request: HttpRequest, read: Reading, wish: Wish) -> Bar:
    """The bar for whoever looks at a request; `here` is where they come back to."""
    permissions: frozenset[Permission] = request.project_permissions  # type: ignore[attr-defined]
    viewer = person(request)
    if Permission.APPROVAL_DECIDE not in permissions or not (read.is_open or read.is_settling):
        return Bar("")
    why = why_barred(read.approval, viewer)
    state = "barred" if why else _state(request, read)
    may_assign = Permission.APPROVAL_ASSIGN in permissions and read.is_open
    return Bar(
        state=state,
        here=approval_url(read.approval, read.approval.project, wish, item=read.item.index),
        why=why,
        assign=_assign_form(read) if may_assign else None,
        question=QuestionForm(auto_id="question-%s") if state == "open" else None,
    )


def _assign_form(read: Reading) -> AssignForm:
    approval = read.approval
    person_key = f"user:{approval.assigned_to_id}" if approval.assigned_to_id else ""
    team_key = f"team:{approval.routed_to_id}" if approval.routed_to_id else ""
    return AssignForm(project=approval.project, initial={"to": person_key or team_key}, auto_id="assign-%s")


def _state(request: HttpRequest, read: Reading) -> str:
    if read.is_settling:
        return "settling"
    if read.people.held_by_other:
        return "held"
    if not read.line.is_left:
        return "voted" if read.line.mine is not None else ""
    asks = read.people.plan.reauthenticate
    known = not asks or reauthenticated(Caller(user=person(request)), request).reauthenticated
    return "open" if known else "confirm"
