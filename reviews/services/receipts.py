"""Receipts: what was decided, signed, and good for running exactly that once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from agents.authentication import Caller
from console.lib.clock import rfc3339
from reviews import jws, states
from reviews.canonical import arguments_hash
from reviews.ids import new_id
from reviews.models import Approval, ApprovalEvent, ApprovalItem, Decision, Receipt
from reviews.selectors.signing_keys import verified_claims
from reviews.services import signing_keys
from reviews.services.transitions import add_event, announce
from reviews.wire import Standing


class NotConsumable(ValueError):
    """Nothing may be run on this receipt. `refusal` says why in one word, for programs."""

    def __init__(self, refusal: str, sentence: str) -> None:
        super().__init__(sentence)
        self.refusal = refusal


class ItemNotNamed(ValueError):
    """Of a batch nobody has said which action is about to run."""


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


@transaction.atomic
def issue(*, decided: Sequence[tuple[Approval, Sequence[Standing]]], now: datetime) -> dict[UUID, list[Receipt]]:
    """Signs what was decided on each item of some requests, in the transaction that closes them; by request."""
    if not decided:
        return {}
    signer = signing_keys.signer(now=now)
    made = {approval.pk: [_signed(signer, approval, one, now) for one in standings] for approval, standings in decided}
    Receipt.objects.bulk_create(receipt for receipts in made.values() for receipt in receipts)
    return made


def consume(
    *,
    approval: Approval,
    by: Caller,
    arguments_hash: str,
    now: datetime,
    item: int | None = None,
    token: str | None = None,
) -> Consumed | AlreadyConsumed:
    """Uses a receipt up, so that what was decided can run once and no more.

    `arguments_hash` is of the arguments that are about to run (reviews.canonical). With `token` the receipt itself is
    checked, too: its signature, and that it is the one of this request and item. `item` None: the one of the token,
    else the only one. Raises NotConsumable, and ItemNotNamed where there are several.
    """
    claims = _claims(token) if token is not None else {}
    index = claims.get("item", 0) if item is None else item
    if item is None and not claims:
        _check_only_one(approval)
    receipt = Receipt.objects.filter(approval=approval, item__index=index).select_related("item").first()
    if receipt is None or not receipt.arguments_hash:
        raise NotConsumable("not_approved", _("Nothing may run: this was not approved."))
    if claims and claims.get("jti") != str(receipt.pk):
        raise NotConsumable("forged", _("This receipt is of another action."))
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
    detail = {"item": receipt.item.index, "receipt": str(receipt.pk)}
    add_event(approval=approval, kind=ApprovalEvent.Kind.CONSUMED, by=by, now=now, detail=detail)
    announce(project=approval.project, approval_ids=[approval.pk], status=approval.status, now=now, wake=False)
    return True


def _check_only_one(approval: Approval) -> None:
    last = approval.items.count() - 1
    if last > 0:
        raise ItemNotNamed(_("Say which action is meant: they are numbered 0 to %(last)d.") % {"last": last})


def _claims(token: str) -> dict[str, Any]:
    """What a receipt says, which is ours."""
    try:
        return verified_claims(token)
    except jws.Forged as error:
        raise NotConsumable("forged", _("This receipt is not genuine: %(why)s.") % {"why": error}) from None


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
        # Of a batch that ended half decided nobody decided the whole.
        "decided_by": approval.decided_by_label or ", ".join(vote.reviewer_name for vote in standing.agreeing),
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
