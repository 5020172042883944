"""Receipts: what was decided, signed, and good for running exactly that once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from agents.authentication import Caller
from agents.services import audit
from console.lib.clock import rfc3339
from reviews import jws, quorum, states
from reviews.canonical import arguments_hash
from reviews.ids import new_id
from reviews.models import Approval, ApprovalItem, Decision, Receipt
from reviews.selectors.signing_keys import verified_claims
from reviews.services import signing_keys
from reviews.services.transitions import announce

Standing = quorum.Standing[ApprovalItem, Decision]


class NotConsumable(ValueError):
    """Nothing may be run on this receipt. `refusal` says why in one word, for programs."""

    def __init__(self, refusal: str, sentence: str) -> None:
        super().__init__(sentence)
        self.refusal = refusal


@dataclass(frozen=True)
class Consumed:
    """The receipt is used up by this call: the action may run now."""

    receipt: Receipt


@dataclass(frozen=True)
class AlreadyConsumed:
    """Somebody was first: the action has run, or is running."""

    by: str
    at: datetime

    @property
    def sentence(self) -> str:
        """What happened, for whoever came too late."""
        return _("This receipt was used already, by %(by)s at %(at)s.") % {"by": self.by, "at": rfc3339(self.at)}


def issue(*, approval: Approval, now: datetime) -> list[Receipt]:
    """Signs what was decided on each item of a request, in the transaction that closes it."""
    return issue_all(approvals=[approval], now=now)


@transaction.atomic
def issue_all(*, approvals: Sequence[Approval], now: datetime) -> list[Receipt]:
    """As `issue`, for many requests in a handful of statements. Those that nobody decided get none."""
    decided = {approval.pk: approval for approval in approvals if approval.status in states.DECIDED}
    if not decided:
        return []
    signer = signing_keys.signer(now=now)
    votes: dict[UUID, list[Decision]] = {key: [] for key in decided}
    for vote in Decision.objects.standing().filter(approval_id__in=decided):
        votes[vote.approval_id].append(vote)
    items: dict[UUID, list[ApprovalItem]] = {key: [] for key in decided}
    for item in ApprovalItem.objects.filter(approval_id__in=decided).order_by("approval_id", "index"):
        items[item.approval_id].append(item)
    return Receipt.objects.bulk_create(
        _signed(signer, approval, standing, now)
        for key, approval in decided.items()
        for standing in quorum.standings(items[key], votes[key], needed=approval.review_plan.approvals_needed)
    )


def consume(
    *,
    approval: Approval,
    by: Caller,
    arguments_hash: str,
    now: datetime,
    item: int = 0,
    token: str | None = None,
) -> Consumed | AlreadyConsumed:
    """Uses a receipt up, so that what was decided can run once and no more.

    `arguments_hash` is of the arguments that are about to run (reviews.canonical). With `token` the receipt itself is
    checked, too: its signature, and that it is the one of this request and item. Raises NotConsumable.
    """
    receipt = Receipt.objects.filter(approval=approval, item__index=item).select_related("item").first()
    if receipt is None or not receipt.arguments_hash:
        raise NotConsumable("not_approved", _("Nothing may run: this was not approved."))
    if token is not None:
        _check_token(token, receipt)
    if receipt.arguments_hash != arguments_hash:
        raise NotConsumable(
            "arguments_differ", _("These are not the arguments that were approved: nothing may run with them.")
        )
    if _used_up(approval, receipt, by, now):
        return Consumed(receipt)
    if receipt.consumed_at is not None:
        return AlreadyConsumed(by=receipt.consumed_by_label, at=receipt.consumed_at)
    raise NotConsumable(
        "expired", _("This receipt expired at %(at)s: ask again.") % {"at": rfc3339(receipt.expires_at)}
    )


@transaction.atomic
def _used_up(approval: Approval, receipt: Receipt, by: Caller, now: datetime) -> bool:
    """Marks the receipt as used, if it still can be: by the database's word, for others try at the same moment."""
    mine = Receipt.objects.usable(now).filter(pk=receipt.pk)
    won = mine.update(consumed_at=now, consumed_by_label=by.label[:200])
    receipt.refresh_from_db(fields=["consumed_at", "consumed_by_label"])
    if not won:
        return False
    audit.record(
        project=approval.project,
        by=by,
        action="approval.consumed",
        target=f"approval {approval.pk}",
        detail={"item": receipt.item.index, "receipt": str(receipt.pk)},
        now=now,
    )
    announce(project=approval.project, approval_ids=[approval.pk], status=approval.status, now=now, wake=False)
    return True


def _check_token(token: str, receipt: Receipt) -> None:
    try:
        claims = verified_claims(token)
    except jws.Forged as error:
        raise NotConsumable("forged", _("This receipt is not genuine: %(why)s.") % {"why": error}) from None
    if claims.get("jti") != str(receipt.pk):
        raise NotConsumable("forged", _("This receipt is of another action."))


def _signed(signer: signing_keys.Signer, approval: Approval, standing: Standing, now: datetime) -> Receipt:
    key = new_id()
    item = standing.item
    expires_at = now + timedelta(seconds=settings.RECEIPT_VALID_SECONDS)
    # Where no person decided, the request's own verdict counts: its policy's.
    verdict = standing.deciding.verdict if standing.deciding else approval.verdict
    granted = _granted_hash(item, standing.deciding, verdict)
    claims = {
        "iss": settings.PUBLIC_URL,
        "sub": str(approval.pk),
        "jti": str(key),
        "iat": int(now.timestamp()),
        "exp": int(expires_at.timestamp()),
        "project": approval.project.slug,
        "action": item.action,
        "item": item.index,
        "verdict": verdict,
        "arguments_hash": granted or None,
        "reviewers": [
            {"name": vote.reviewer_name, "verdict": vote.verdict, "at": rfc3339(vote.decided_at)}
            for vote in standing.agreeing
            if vote.reviewer_id is not None
        ],
        "decided_by": approval.decided_by_label,
    }
    return Receipt(
        pk=key,
        approval=approval,
        item=item,
        signed_by=signer.row,
        token=signer.sign(claims),
        arguments_hash=granted,
        issued_at=now,
        expires_at=expires_at,
    )


def _granted_hash(item: ApprovalItem, deciding: Decision | None, verdict: str) -> str:
    """The hash of what may run, empty when nothing may."""
    if verdict == states.Verdict.EDIT and deciding is not None and deciding.arguments is not None:
        return arguments_hash(deciding.arguments)
    return arguments_hash(item.arguments) if verdict == states.Verdict.APPROVE else ""
