"""Deciding: a person's verdict on one action of a waiting request, and taking it back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from agents.authentication import Caller
from agents.messages import plain
from agents.models import Membership, User
from agents.rosters import roster_of
from agents.services.notify import no_longer_wanted, notify
from agents.services.outbox import begins_again
from reviews import states
from reviews.addresses import page_of
from reviews.json_schema import Findings, TooComplex, findings
from reviews.models import Approval, ApprovalEvent, ApprovalItem, Decision
from reviews.services import expiry, feedback_labels, settling
from reviews.services.deciders import barred, have_decided, standings_of, stuck, why_barred
from reviews.services.settling import locked, overtaken
from reviews.services.transitions import AlreadyDecided, add_event, announce, as_already_decided
from reviews.wire import Standing


class OwnRequest(PermissionError):
    """Nobody decides on a request that they made themselves, nor where a rule says so on one of their own key."""


class NotAPerson(PermissionError):
    """Only people decide: an agent's key cannot."""


class ReauthenticationNeeded(PermissionError):
    """The request's rule or its risk asks that whoever decides has just proved again who they are."""


class InvalidDecision(ValueError):
    """The verdict does not fit the request. `errors` says what is wrong, by field."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{field}: {messages[0]}" for field, messages in errors.items()))
        self.errors = errors


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """A verdict on one item and what goes with it. `arguments` None means: not given; `item` None: the only one."""

    verdict: states.Verdict
    arguments: dict[str, Any] | None = None
    reason: str = ""
    message: str = ""
    labels: Sequence[str] = ()
    item: int | None = None


def decide(*, approval: Approval, by: Caller, ruling: Ruling, now: datetime) -> Decision | AlreadyDecided:
    """Decides on an item of a request, or says who was first.

    Where several people have to agree this is one vote. The request closes when all its items are decided; where the
    project gives time to withdraw, only after that. Raises NotAPerson, OwnRequest, ReauthenticationNeeded, and
    InvalidDecision when the ruling does not fit the item.
    """
    check_may_decide(approval=approval, by=by)
    unfit = _unfit(approval, ruling)
    with transaction.atomic():
        row = locked(approval)
        result = overtaken(row, now=now) or _vote(row, by, ruling, now, unfit)
    approval.refresh_from_db()
    if isinstance(result, AlreadyDecided) and result.status is states.Status.EXPIRED and approval.is_waiting:
        expiry.expire(approval=approval, now=now)
        return result if approval.is_waiting else as_already_decided(approval)
    return result


def decide_instead(*, approval: Approval, by: Caller, ruling: Ruling, now: datetime) -> Decision | AlreadyDecided:
    """Takes a person's verdict on an item back and decides anew, so that nobody finds neither: both are done, or none.

    As `decide`; where there is nothing to take back it is just that.
    """
    with transaction.atomic():
        taken = withdraw(approval=approval, by=by, now=now, item=ruling.item)
        result = decide(approval=approval, by=by, ruling=ruling, now=now)
        if taken and isinstance(result, AlreadyDecided):
            transaction.set_rollback(True)
    approval.refresh_from_db()
    return result


def check_may_decide(*, approval: Approval, by: Caller) -> None:
    """Raises NotAPerson, OwnRequest or ReauthenticationNeeded when this caller cannot decide on this request."""
    if by.user is None:
        raise NotAPerson(_("Only people decide: an agent's key cannot."))
    barred = why_barred(approval, by.user)
    if barred:
        raise OwnRequest(barred)
    plan = approval.review_plan
    if by.token is not None and plan.reauthenticate:
        raise ReauthenticationNeeded(
            _("This request asks for your password again, which a token cannot give: decide in the browser.")
        )
    if by.token is None and plan.asks_proof and not by.reauthenticated:
        raise ReauthenticationNeeded(_("Confirm first that it is you: this request asks for your password again."))


def faults(*, item: ApprovalItem, ruling: Ruling) -> dict[str, list[str]]:
    """What is wrong with a ruling on an item besides the schema of its arguments, by field; empty when nothing is."""
    verdict = ruling.verdict
    if verdict.value not in item.allowed_decisions:
        allowed = ", ".join(item.allowed_decisions)
        return {"verdict": [_("This request allows only: %(allowed)s.") % {"allowed": allowed}]}
    errors = words_missing(ruling)
    if verdict is states.Verdict.EDIT:
        wrong = _edit_faults(item, ruling.arguments)
        if wrong:
            errors["arguments"] = wrong
    elif ruling.arguments is not None and not same_json(ruling.arguments, item.arguments):
        errors["arguments"] = [_("Only the verdict edit changes the arguments.")]
    return errors


def words_missing(ruling: Ruling) -> dict[str, list[str]]:
    """What a ruling has to say and does not, by field, whatever it is about."""
    if ruling.verdict is states.Verdict.REJECT and not ruling.reason.strip():
        return {"reason": [_("A rejection needs a reason.")]}
    if ruling.verdict is states.Verdict.RESPOND and not ruling.message.strip():
        return {"message": [_("An answer needs a message.")]}
    return {}


def repeats(decision: Decision, *, by: Caller, ruling: Ruling) -> bool:
    """Whether a ruling says again what the same person has decided, as a form that is sent twice does."""
    edited = ruling.arguments if ruling.verdict is states.Verdict.EDIT else None
    return (
        by.user is not None
        and decision.reviewer_id == by.user.pk
        and decision.verdict == ruling.verdict
        and (decision.reason, decision.message) == (ruling.reason, ruling.message)
        and same_json(decision.arguments, edited)
    )


def same_json(left: object, right: object) -> bool:
    """Whether two values are the same JSON: 1, 1.0 and true differ, the order of keys does not matter."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


@transaction.atomic
def withdraw(*, approval: Approval, by: Caller, now: datetime, item: int | None = None) -> bool:
    """Takes a person's verdicts on a request back, or the one on `item`; False when there is none to take back.

    A verdict stands for good when the agent has been told of it: when the request has closed, and where the project
    gives no time to withdraw, already when the item is decided. Of an item that is decided only those take theirs back
    whose verdict it was.
    """
    row = locked(approval)
    if by.user is None or not row.is_waiting or overtaken_for_good(row, now=now):
        return False
    final = row.undo_seconds == 0
    mine = [
        vote
        for one in standings_of(row)
        if item in (None, one.item.index) and not (final and one.deciding is not None)
        for vote in (one.votes if one.deciding is None else one.agreeing)
        if vote.reviewer_id == by.user.pk
    ]
    if not mine:
        return False
    Decision.objects.filter(pk__in=[vote.pk for vote in mine]).update(withdrawn_at=now)
    row.status = states.target(states.Status(row.status), states.Verb.WITHDRAW)
    row.settles_at = None
    row.save(update_fields=["status", "settles_at"])
    begins_again(path=page_of(row.project.slug, row.pk))
    indexes = {entry.pk: entry.index for entry in row.items.all()}
    detail = {"items": [indexes[vote.item_id] for vote in mine], "verdict": mine[-1].verdict}
    add_event(approval=row, kind=ApprovalEvent.Kind.WITHDRAWN, by=by, now=now, detail=detail)
    announce(project=row.project, approval_ids=[row.pk], status=row.status, now=now)
    approval.refresh_from_db()
    return True


def overtaken_for_good(row: Approval, *, now: datetime) -> bool:
    """Whether the time to withdraw verdicts on a waiting request is over."""
    return (row.settles_at or row.expires_at) <= now


def unchecked(approval: Approval, ruling: Ruling) -> list[str]:
    """The parts of the agent's schema that could not be applied to changed arguments, which were taken all the same."""
    found = _applied(approval, ruling)
    return found.passed_over if found else []


def _unfit(approval: Approval, ruling: Ruling) -> list[str]:
    """Where changed arguments break the agent's schema, which may take a second: nobody is to wait for a lock so long.

    Neither the arguments that were asked for nor their schema ever change.
    """
    try:
        found = _applied(approval, ruling)
    except TooComplex as error:
        return [_("The request's schema cannot be checked: %(why)s.") % {"why": error}]
    return [f"{path}: {text}" if path else text for path, text in found.violations] if found else []


def _applied(approval: Approval, ruling: Ruling) -> Findings | None:
    """What the agent's schema says of changed arguments; None where there is none, or no change. Raises TooComplex."""
    if ruling.verdict is not states.Verdict.EDIT or ruling.arguments is None:
        return None
    schemas = approval.items.filter(index=ruling.item or 0, arguments_schema__isnull=False)
    schema = schemas.values_list("arguments_schema", flat=True).first()
    return findings(schema, ruling.arguments) if schema else None


def _vote(row: Approval, by: Caller, ruling: Ruling, now: datetime, unfit: Sequence[str]) -> Decision | AlreadyDecided:
    standings = standings_of(row)
    mine = _meant(standings, ruling.item)
    if mine.deciding is not None:
        return settling.decided_by([mine], at=mine.deciding.decided_at)
    earlier = next((vote for vote in mine.votes if by.user is not None and vote.reviewer_id == by.user.pk), None)
    if earlier is not None:
        return AlreadyDecided(states.Status(row.status), by.label, earlier.verdict, earlier.decided_at)
    errors = faults(item=mine.item, ruling=ruling) or ({"arguments": list(unfit)} if unfit else {})
    strange = feedback_labels.faults(row.project, feedback_labels.given(ruling.labels), item=mine.item)
    if strange:
        errors = {**errors, "labels": strange}
    if errors:
        raise InvalidDecision(errors)
    decision = _written(row, mine.item, by, ruling, now)
    _count(row, by, decision, settling.joined(row, standings, decision), now)
    return decision


def _meant(standings: Sequence[Standing], item: int | None) -> Standing:
    """The item that a ruling is about. Of a batch one has to say which: nothing else is decided by mistake."""
    last = len(standings) - 1
    if item is None and last > 0:
        raise InvalidDecision(
            {"item": [_("Say which action is meant: they are numbered 0 to %(last)d.") % {"last": last}]}
        )
    if item is not None and item > last:
        raise InvalidDecision({"item": [_("This request's actions are numbered 0 to %(last)d.") % {"last": last}]})
    return standings[item or 0]


def _count(row: Approval, by: Caller, decision: Decision, standings: Sequence[Standing], now: datetime) -> None:
    """What a verdict that was just written makes of its request."""
    decided = all(one.deciding is not None for one in standings)
    assert by.user is not None
    if by.user.pk in have_decided(standings):
        _let_go(row, by.user, now)
    if decided and not row.undo_seconds:
        settling.settle(row, standings, now=now, by=by)
        return
    row.status = states.target(states.Status(row.status), states.Verb.VOTE)
    if decided:
        row.settles_at = min(now + timedelta(seconds=row.undo_seconds), row.expires_at)
        row.save(update_fields=["status", "settles_at"])
    detail = {
        "verdict": decision.verdict,
        "reason": decision.reason,
        "item": decision.item.index,
        "via": settling.via(by),
    }
    add_event(approval=row, kind=ApprovalEvent.Kind.VOTED, by=by, now=now, detail=detail)
    _tell_who_differ(row, by, decision, standings, now)
    # Those who wait have to know when it settles.
    announce(project=row.project, approval_ids=[row.pk], status=row.status, now=now, wake=decided)


def _tell_who_differ(
    row: Approval, by: Caller, decision: Decision, standings: Sequence[Standing], now: datetime
) -> None:
    """Those who decided before are told when it comes to be for them to think again, of each item once."""
    mine = [one for one in standings if one.item.pk == decision.item_id and len(one.sides) > 1]
    if not mine:
        return
    roster, out = roster_of(row.project_id, now=now, with_teams=False), barred([row])[row.pk]
    before = [replace(one, votes=tuple(vote for vote in one.votes if vote.pk != decision.pk)) for one in mine]
    if not stuck(row, roster, mine, out=out) or stuck(row, roster, before, out=out):
        return
    earlier = {vote.reviewer_id for one in before for vote in one.votes} - out
    notify(
        users=[user for user in roster.able(out) if user.pk in earlier],
        project=row.project,
        kind="approval.voted",
        title=_("You approve different things: %(action)s") % {"action": plain(decision.item.action)},
        body=_("Nobody else can settle it. Take yours back and approve the same, or agree with the others."),
        url=page_of(row.project.slug, row.pk),
        now=now,
    )


def _let_go(row: Approval, user: User, now: datetime) -> None:
    """Whoever has nothing left to decide on a request neither holds it nor is reminded of it by their bell."""
    if row.claimed_by_id == user.pk:
        row.claimed_by = row.claimed_until = None
        row.save(update_fields=["claimed_by", "claimed_until"])
    no_longer_wanted(urls=[page_of(row.project.slug, row.pk)], of=[user.pk], now=now)


def _edit_faults(item: ApprovalItem, arguments: dict[str, Any] | None) -> list[str]:
    if arguments is None:
        return [_("An edit needs the changed arguments.")]
    if same_json(arguments, item.arguments):
        return [_("An edit has to change something; to leave the arguments as they are, approve.")]
    return []


def _written(row: Approval, item: ApprovalItem, by: Caller, ruling: Ruling, now: datetime) -> Decision:
    assert by.user is not None
    role = Membership.objects.filter(project=row.project, user=by.user).values_list("role", flat=True).first()
    return Decision.objects.create(
        project=row.project,
        approval=row,
        item=item,
        verdict=ruling.verdict,
        arguments=ruling.arguments if ruling.verdict is states.Verdict.EDIT else None,
        reason=ruling.reason,
        message=ruling.message,
        labels=feedback_labels.given(ruling.labels),
        reviewer=by.user,
        reviewer_name=by.label[:200],
        reviewer_role=role or "",
        decided_at=now,
    )
