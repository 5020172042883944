"""Deciding: a person's verdict on a waiting request."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from agents.authentication import Caller
from agents.models import Membership
from reviews import states
from reviews.json_schema import TooComplex, violations
from reviews.models import Approval, ApprovalEvent, ApprovalItem, Decision, FeedbackExample
from reviews.services import expiry, feedback
from reviews.services.requests import made_by
from reviews.services.transitions import AlreadyDecided, add_event, announce, close


class OwnRequest(PermissionError):
    """Nobody decides on a request that they made themselves."""


class NotAPerson(PermissionError):
    """Only people decide: an agent's key cannot."""


class InvalidDecision(ValueError):
    """The verdict does not fit the request. `errors` says what is wrong, by field."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{field}: {messages[0]}" for field, messages in errors.items()))
        self.errors = errors


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """A verdict and what goes with it. `arguments` None means: not given."""

    verdict: states.Verdict
    arguments: dict[str, Any] | None = None
    reason: str = ""
    message: str = ""
    labels: Sequence[str] = ()


def decide(*, approval: Approval, by: Caller, ruling: Ruling, now: datetime) -> Decision | AlreadyDecided:
    """Decides on a request, or says who was first.

    Raises NotAPerson, OwnRequest, and InvalidDecision when the ruling does not fit the request.
    """
    if by.user is None:
        raise NotAPerson(_("Only people decide: an agent's key cannot."))
    if made_by(approval, by.user):
        raise OwnRequest(_("You made this request yourself, so somebody else has to decide."))
    item = approval.items.get(index=0)
    with transaction.atomic():
        if approval.is_waiting:
            errors = faults(item=item, ruling=ruling)
            if errors:
                raise InvalidDecision(errors)
        lost = close(
            approval=approval,
            verb=states.Verb(ruling.verdict.value),
            now=now,
            verdict=ruling.verdict,
            decided_by=by.user,
            decided_by_label=by.label[:200],
        )
        if lost is None:
            return _record(approval=approval, item=item, by=by, ruling=ruling, now=now)
    if lost.status is states.Status.EXPIRED:
        expiry.expire(approval=approval, now=now)
    return lost


def faults(*, item: ApprovalItem, ruling: Ruling) -> dict[str, list[str]]:
    """What is wrong with a ruling on an item, by field; empty when nothing is."""
    verdict = ruling.verdict
    if verdict.value not in item.allowed_decisions:
        allowed = ", ".join(item.allowed_decisions)
        return {"verdict": [_("This request allows only: %(allowed)s.") % {"allowed": allowed}]}
    errors: dict[str, list[str]] = {}
    if verdict is states.Verdict.REJECT and not ruling.reason.strip():
        errors["reason"] = [_("A rejection needs a reason.")]
    if verdict is states.Verdict.RESPOND and not ruling.message.strip():
        errors["message"] = [_("An answer needs a message.")]
    if verdict is states.Verdict.EDIT:
        wrong = _edit_faults(item, ruling.arguments)
        if wrong:
            errors["arguments"] = wrong
    elif ruling.arguments is not None and not same_json(ruling.arguments, item.arguments):
        errors["arguments"] = [_("Only the verdict edit changes the arguments.")]
    return errors


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


def _edit_faults(item: ApprovalItem, arguments: dict[str, Any] | None) -> list[str]:
    if arguments is None:
        return [_("An edit needs the changed arguments.")]
    if same_json(arguments, item.arguments):
        return [_("An edit has to change something; to leave the arguments as they are, approve.")]
    if item.arguments_schema is None:
        return []
    try:
        return [f"{path}: {text}" if path else text for path, text in violations(item.arguments_schema, arguments)]
    except TooComplex as error:
        return [_("The request's schema cannot be checked: %(why)s.") % {"why": error}]


def _record(*, approval: Approval, item: ApprovalItem, by: Caller, ruling: Ruling, now: datetime) -> Decision:
    assert by.user is not None
    role = Membership.objects.filter(project=approval.project, user=by.user).values_list("role", flat=True).first()
    decision = Decision.objects.create(
        project=approval.project,
        approval=approval,
        item=item,
        verdict=ruling.verdict,
        arguments=ruling.arguments if ruling.verdict is states.Verdict.EDIT else None,
        reason=ruling.reason,
        message=ruling.message,
        labels=list(ruling.labels),
        reviewer=by.user,
        reviewer_name=by.label[:200],
        reviewer_role=role or "",
        decided_at=now,
    )
    detail = {"verdict": ruling.verdict.value, "reason": ruling.reason, "via": "token" if by.token else "session"}
    add_event(approval=approval, kind=ApprovalEvent.Kind.DECIDED, by=by, now=now, detail=detail)
    feedback.add_example(
        approval=approval, item=item, verdict=FeedbackExample.Verdict(ruling.verdict), decision=decision, now=now
    )
    announce(project=approval.project, approval_ids=[approval.pk], status=approval.status, now=now)
    return decision
