"""The bar below a request: what this person may do with it now, or why nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest

from agents.permissions import Permission
from agents.views.person import person
from reviews.forms import AssignForm, MessageForm, QuestionForm
from reviews.services.deciders import why_barred
from reviews.states import Verdict
from reviews.views.lines import Line
from reviews.views.listing import Wish, approval_url
from reviews.views.presentation import Reading
from reviews.views.proof import proof_url, proved


@dataclass(frozen=True)
class Bar:
    """What the bar offers.

    `state` is open (decide), confirm (prove first who you are), held (somebody else has it), voted (others have to
    agree), settling (decided, and can be undone), barred (not by this person: `why`), or empty: nothing to do.
    """

    state: str
    here: str = ""
    prove_at: str = ""
    """Where one proves who one is, where the request asks for that, and comes back from."""
    why: str = ""
    assign: AssignForm | None = None
    question: QuestionForm | None = None
    message: MessageForm | None = None
    """For an answer in the conversation, where there is one."""
    unproven: bool = False
    """Open although the proof of who it is has run out: what was written for a decision waits to be sent again."""
    keeps: bool = True
    """Whether the viewer may have been writing a decision here, which stays in sight whatever others do meanwhile."""
    may_join: bool = False
    """Whether the viewer has voted, others otherwise, and the viewer may take theirs back to agree with those."""
    rest: Sequence[Line] = ()
    """Of a batch, what can be approved together: several, or one that is not the one that is shown."""
    rest_without: int = 0
    """How many others are left that cannot be approved as proposed."""


def bar_of(request: HttpRequest, read: Reading, wish: Wish) -> Bar:
    """The bar for whoever looks at a request; `here` is where they come back to."""
    permissions: frozenset[Permission] = request.project_permissions  # type: ignore[attr-defined]
    viewer = person(request)
    if Permission.APPROVAL_DECIDE not in permissions or not (read.is_open or read.is_settling):
        return Bar("", keeps=Permission.APPROVAL_DECIDE in permissions)
    why = why_barred(read.approval, viewer)
    state = "barred" if why else _state(request, read)
    rest, without = _rest(request, read) if not why else ([], 0)
    may_assign = Permission.APPROVAL_ASSIGN in permissions and read.is_open
    here = approval_url(read.approval, read.approval.project, wish, item=read.item.index)
    asks = read.people.plan.asks_proof
    return Bar(
        state=state,
        here=here,
        prove_at=proof_url(request, here) if asks else "",
        why=why,
        assign=_assign_form(read) if may_assign else None,
        question=QuestionForm(auto_id="question-%s") if state == "open" else None,
        message=MessageForm(auto_id="message-%s") if read.talk.said and read.is_open else None,
        may_join=state == "voted" and len(read.line.standing.sides) > 1 and _known(request, read),
        rest=rest,
        rest_without=without,
    )


def _rest(request: HttpRequest, read: Reading) -> tuple[list[Line], int]:
    """What of a batch this person can approve in one go, and how much else is left of it."""
    left = [line for line in read.lines if line.is_left]
    if len(read.lines) < 2 or not read.is_open or read.people.held_by_other or not _known(request, read):
        return [], 0
    found = [line for line in left if Verdict.APPROVE in line.item.allowed_decisions]
    return (found, len(left) - len(found)) if [line.item.pk for line in found] != [read.item.pk] else ([], 0)


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
    return "open" if _known(request, read) else "confirm"


def _known(request: HttpRequest, read: Reading) -> bool:
    """Whether this person has proved who they are as far as the request asks for it."""
    asks = read.people.plan.asks_proof
    return not asks or proved(request)
