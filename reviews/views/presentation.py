"""A request as a reviewer reads it: what will happen, why it is asked, what led here, what was decided before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from agents.models import User
from console.lib.unseen import visible, visible_json
from metrics.signs import Sign, signs_of
from reviews import states
from reviews.argument_fields import Shown, fields, shown
from reviews.arguments import brief, excerpt, in_words, pretty
from reviews.checking import of_item
from reviews.conversation import Message, split
from reviews.diff import Change, canonical, changes
from reviews.edit_form import EditForm
from reviews.markdown import render
from reviews.models import Approval, ApprovalItem, Decision
from reviews.offered import without_offers
from reviews.selectors.precedents import FEW, NEAREST, Precedent, Precedents
from reviews.selectors.queue import ApprovalDetail
from reviews.views.lines import Line
from reviews.views.people import People, people_of
from reviews.views.talk import Talk, talk_of
from reviews.views.timeline import Entry, entry_of

DIFFERENCES = 3
"""So many differences of a precedent are told."""


@dataclass(frozen=True)
class Factor:
    """One reason for the risk: weight 0 to 1, and the same in percent for a bar."""

    name: str
    weight: float
    detail: str

    @property
    def percent(self) -> int:
        return round(self.weight * 100)


@dataclass(frozen=True)
class Proposal:
    """Changed arguments that some have approved and others have not yet: who, and the edit that would agree.

    `mine`: the viewer is one of them.
    """

    names: list[str]
    edit: EditForm
    mine: bool


@dataclass(frozen=True)
class Before:
    """An earlier decision on a similar request: what was asked in short, and where its arguments were others."""

    found: Precedent
    brief: str
    differs: list[Change]
    more: int


@dataclass(frozen=True)
class Asked:
    """What an agent asks leave for, without anything that came of it."""

    approval: Approval
    item: ApprovalItem
    title: str
    description: SafeString | str
    arguments: Shown
    raw: str
    raw_left_out: int
    factors: list[Factor]
    signs: list[Sign]
    messages: list[Message]
    context: Shown


@dataclass(frozen=True)
class Reading(Asked):
    """Everything that the page of one request shows, in the order in which a reviewer thinks.

    Its `item` is the action that is shown; of a batch, one of several.
    """

    line: Line
    lines: list[Line]
    people: People
    status: str
    precedents: list[Before]
    share: str
    session: list[Approval]
    decision: Decision | None
    changed: list[Change]
    proposals: list[Proposal]
    timeline: list[Entry]
    talk: Talk

    @property
    def is_open(self) -> bool:
        """Whether somebody may still decide."""
        return self.status in states.WAITING and self.approval.settles_at is None

    @property
    def is_settling(self) -> bool:
        """Whether people have decided and can still think again, for the agent has not been told."""
        return self.status in states.WAITING and self.approval.settles_at is not None

    @property
    def was_granted(self) -> bool:
        """Whether the agent was given something to go on with, so that there can be an outcome."""
        return self.status in states.GRANTED

    @property
    def more_needed(self) -> int:
        """How many more people have to approve the same thing as the viewer does."""
        return max(self.people.plan.approvals_needed - self.line.agreeing, 0)

    @property
    def others_propose(self) -> list[int]:
        """Which of `proposals`, counted from 1, the viewer has not agreed with."""
        return [number for number, one in enumerate(self.proposals, start=1) if not one.mine]


def asked_in(approval: Approval, item: ApprovalItem) -> Asked:
    """What an agent asked for. What it sent is text here, except its description: that is sanitised HTML."""
    messages, context = split(without_offers(approval.context))
    raw, raw_left_out = excerpt(visible_json(pretty(item.arguments)))
    described = approval.description or item.description
    return Asked(
        approval=approval,
        item=item,
        title=in_words(item.action),
        description=render(described) if described else "",
        arguments=shown(fields(item.arguments, item.arguments_schema)),
        raw=raw,
        raw_left_out=raw_left_out,
        factors=[Factor(entry["name"], entry["weight"], entry["detail"]) for entry in approval.risk["factors"]],
        signs=signs_of(of_item(approval.flags, item.index), lambda: _whole(approval)),
        messages=messages,
        context=shown(fields(context)),
    )


def _whole(approval: Approval) -> dict[str, Any]:
    """A request as the paths of its flags lead through it. Wants `items` at hand."""
    items = list(approval.items.all())
    return {
        "summary": approval.summary,
        "description": approval.description or items[0].description,
        "arguments": items[0].arguments,
        "items": [{"description": item.description, "arguments": item.arguments} for item in items],
        "context": approval.context,
    }


def reading(detail: ApprovalDetail, *, lines: list[Line], viewer: User, now: datetime) -> Reading:
    """The page of a request."""
    approval, item = detail.approval, detail.item
    line = next(one for one in lines if one.item.pk == item.pk)
    decision = line.standing.deciding
    edited = decision is not None and decision.verdict == states.Verdict.EDIT
    return Reading(
        **vars(asked_in(approval, item)),
        line=line,
        lines=lines,
        people=people_of(approval, viewer, now=now),
        status=status_at(approval, now),
        precedents=[_before(row, item) for row in detail.precedents.rows],
        share=share_in_words(detail.precedents),
        session=detail.session,
        decision=decision,
        changed=changes(item.arguments, decision.arguments) if edited and decision else [],
        proposals=_proposals(line),
        timeline=[entry_of(event, of_batch=len(lines) > 1) for event in detail.timeline],
        talk=talk_of(detail.timeline),
    )


def _proposals(line: Line) -> list[Proposal]:
    """The edits that still need others to agree, each once: nobody can agree to what they have not seen."""
    if line.standing.deciding is not None:
        return []
    found: dict[str, Proposal] = {}
    for vote in line.standing.votes:
        if vote.verdict == states.Verdict.EDIT:
            edit = EditForm(item=line.item, start=vote.arguments, as_json=True)
            mine = line.mine is not None and vote in line.standing.side_of(line.mine.reviewer_id)
            found.setdefault(canonical(vote.arguments), Proposal([], edit, mine)).names.append(vote.reviewer_name)
    return list(found.values())


def status_at(approval: Approval, now: datetime) -> str:
    """The status as it is at `now`: past its deadline a request is expired, also before the sweeper says so."""
    late = approval.is_open and approval.expires_at <= now
    return states.Status.EXPIRED.value if late else approval.status


def share_in_words(precedents: Precedents) -> str:
    """How often similar requests were approved, in words that do not claim more than is known."""
    share = precedents.share
    if not precedents.searched:
        return _("Nobody has decided on this action before.")
    if share.value is None or share.low is None or share.high is None:
        numbers = {"all": precedents.searched}
        return _("Nothing like this was decided before, among the last %(all)d on this action.") % numbers
    numbers = {"approved": precedents.approved, "all": precedents.considered}
    if precedents.considered < FEW:
        return _("%(approved)d of %(all)d similar requests approved: too few to see a habit.") % numbers
    numbers |= {
        name: round(100 * at) for name, at in (("percent", share.value), ("low", share.low), ("high", share.high))
    }
    if precedents.considered == NEAREST:
        text = _("%(percent)d%% of the %(all)d most similar requests approved (95%% interval %(low)d to %(high)d%%).")
    else:
        text = _(
            "%(approved)d of %(all)d similar requests approved: %(percent)d%% (95%% interval %(low)d to %(high)d%%)."
        )
    return text % numbers


def outcome_sentence(approval: Approval, viewer: User) -> str:
    """What became of a request, for somebody who came too late."""
    if approval.status == states.Status.EXPIRED or approval.is_open:
        return _("The time to decide is over: this request has expired.")
    if approval.status == states.Status.CANCELLED:
        return _("The agent took this request back.")
    verb = {
        "approve": _("approved"), "edit": _("approved with changes"), "reject": _("rejected"), "respond": _("answered"),
    }.get(approval.verdict, _("decided"))  # fmt: skip
    if approval.decided_by_id == viewer.pk:
        done = {"verb": verb, "action": visible(approval.action)}
        return _("You have already %(verb)s %(action)s. What you sent now was not taken.") % done
    who = {"who": approval.decided_by_label, "verb": verb, "action": visible(approval.action)}
    return _("%(who)s %(verb)s %(action)s.") % who


def _before(found: Precedent, item: ApprovalItem) -> Before:
    differs = [] if found.equal else changes(item.arguments, found.item.arguments)
    return Before(found, brief(found.item.arguments), differs[:DIFFERENCES], max(len(differs) - DIFFERENCES, 0))
