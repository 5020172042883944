"""Corrections: what somebody says later about the labels and the reason of an example, as a new revision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from agents.authentication import Caller
from agents.models import Membership, User
from agents.permissions import Permission
from agents.selectors import permissions_of
from agents.services import audit
from reviews import states
from reviews.models import Approval, FeedbackCorrection, FeedbackExample
from reviews.services import feedback, feedback_labels
from reviews.services.settling import locked

REASON_CHARS = 2_000


class Undecided(ValueError):
    """Nobody has decided, so there is nothing to correct."""


class NotToCorrect(PermissionError):
    """Whoever decided corrects their own examples, and leads those of everybody."""


class InvalidCorrection(ValueError):
    """The correction does not fit the example. `errors` says what is wrong, by field."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{field}: {messages[0]}" for field, messages in errors.items()))
        self.errors = errors


@transaction.atomic
def correct(
    *, approval: Approval, item: int, by: Caller, labels: Sequence[str] | None, reason: str | None, now: datetime
) -> FeedbackExample:
    """Corrects the labels or the reason of the example of an item; None leaves them as they are.

    The decision stays what it was, and so do the revisions so far. Returns the newest revision: saying what it says
    already adds none. Raises Undecided, NotToCorrect and InvalidCorrection.
    """
    row = locked(approval)
    example = next((one for one in feedback.newest_of(row) if one.item.index == item), None)
    if example is None or example.decision is None:
        raise Undecided
    if by.user is None or not may_correct(example, by.user):
        raise NotToCorrect(_("Whoever decided can correct this example, or a lead."))
    wanted = example.labels if labels is None else feedback_labels.given(labels)
    why = example.reason if reason is None else reason.strip()
    if (wanted, why) == (example.labels, example.reason):
        return example
    _check(example, wanted, why)
    correction = FeedbackCorrection.objects.create(
        project=row.project,
        item=example.item,
        labels=wanted,
        reason=why,
        corrected_by=by.user,
        corrected_by_name=by.label[:200],
        corrected_by_role=_role(row, by.user),
        corrected_at=now,
    )
    detail = {"item": item, **_changed("labels", example.labels, wanted), **_changed("reason", example.reason, why)}
    target = f"approval {row.pk}"
    audit.record(project=row.project, by=by, action="feedback.corrected", target=target, detail=detail, now=now)
    return feedback.add_correction(example=example, correction=correction, now=now)


def may_correct(example: FeedbackExample, user: User) -> bool:
    """Whether a person may correct an example. Wants its decision at hand."""
    decision = example.decision
    if decision is None:
        return False
    mine = permissions_of(user.pk, example.project_id)
    own = decision.reviewer_id == user.pk and Permission.APPROVAL_DECIDE in mine
    return own or Permission.APPROVAL_ASSIGN in mine


def _changed(name: str, before: object, after: object) -> dict[str, object]:
    return {} if before == after else {name: {"from": before, "to": after}}


def _check(example: FeedbackExample, labels: Sequence[str], reason: str) -> None:
    errors: dict[str, list[str]] = {}
    if not reason and example.verdict == states.Verdict.REJECT:
        errors["reason"] = [_("A rejection needs a reason.")]
    if len(reason) > REASON_CHARS:
        errors["reason"] = [_("At most %(max)d characters.") % {"max": REASON_CHARS}]
    fresh = [label for label in labels if label not in example.labels]  # what it has, it may keep
    wrong = feedback_labels.faults(example.approval.project, fresh, item=example.item)
    if wrong:
        errors["labels"] = wrong
    if errors:
        raise InvalidCorrection(errors)


def _role(row: Approval, user: User) -> str:
    role = Membership.objects.filter(project=row.project, user=user).values_list("role", flat=True).first()
    return role or ""
