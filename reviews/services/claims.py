"""Claims: one person says that they are looking at a request, for as long as a lease runs.

A claim keeps two people from doing the same work; it does not keep anybody from deciding, or somebody who closed their
laptop could hold an agent up. It ends by itself, so nobody has to clean up after a browser that went away.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from agents.authentication import Caller
from agents.models import User
from reviews.models import Approval, ApprovalEvent
from reviews.services.deciders import why_barred, why_not_asked
from reviews.services.settling import locked, overtaken
from reviews.services.transitions import AlreadyDecided, add_event, announce

LEASE = timedelta(minutes=5)


class CannotClaim(PermissionError):
    """This caller could not decide on the request either."""


@dataclass(frozen=True)
class Claim:
    """The caller holds the request until then, unless they renew it or somebody takes it over."""

    until: datetime


@dataclass(frozen=True)
class HeldBy:
    """Somebody else holds the request: a normal result."""

    name: str
    until: datetime

    @property
    def sentence(self) -> str:
        """What happened, for whoever came too late."""
        return _("%(name)s has claimed this request.") % {"name": self.name}


@transaction.atomic
def claim(*, approval: Approval, by: Caller, now: datetime, take_over: bool = False) -> Claim | HeldBy | AlreadyDecided:
    """Takes a request for a lease, or says who has it; with `take_over` it changes hands. Raises CannotClaim.

    Whoever holds it already gets a new lease.
    """
    user = _person(by)
    row = locked(approval)
    if (why := why_barred(row, user)) != "":
        raise CannotClaim(why)
    if (lost := overtaken(row, now=now)) is not None:
        return lost
    if (why := why_not_asked(row, user, now=now)) != "":
        raise CannotClaim(why)
    held = holder(row, now=now)
    if held is not None and row.claimed_by_id != user.pk and not take_over:
        return held
    mine = held is not None and row.claimed_by_id == user.pk
    _write(approval, row, user=user, until=now + LEASE)
    if not mine:
        detail = {"taken_from": held.name} if held else {}
        _tell(row, ApprovalEvent.Kind.CLAIMED, by, detail, now)
    return Claim(now + LEASE)


@transaction.atomic
def renew(*, approval: Approval, by: Caller, now: datetime) -> Claim | HeldBy | AlreadyDecided | None:
    """Gives the caller's claim a new lease, also one that has just run out; None when it is not theirs to renew.

    Leaves no trace: browsers do it every other minute.
    """
    user = _person(by)
    row = locked(approval)
    if (lost := overtaken(row, now=now)) is not None:
        return lost
    if row.claimed_by_id != user.pk:
        return holder(row, now=now)
    _write(approval, row, user=user, until=now + LEASE)
    return Claim(now + LEASE)


@transaction.atomic
def release(*, approval: Approval, by: Caller, now: datetime) -> bool:
    """Gives the caller's claim up; False when they hold none."""
    user = _person(by)
    row = locked(approval)
    if overtaken(row, now=now) is not None or row.claimed_by_id != user.pk:
        return False
    lapsed = holder(row, now=now) is None
    _write(approval, row, user=None, until=None)
    if not lapsed:
        _tell(row, ApprovalEvent.Kind.RELEASED, by, {}, now)
    return not lapsed


def holder(approval: Approval, *, now: datetime) -> HeldBy | None:
    """Who holds a request, if anybody does."""
    if approval.claimed_by is None or approval.claimed_until is None or approval.claimed_until <= now:
        return None
    return HeldBy(approval.claimed_by.display_name, approval.claimed_until)


def _person(by: Caller) -> User:
    if by.user is None:
        raise CannotClaim(_("Only people look at requests: an agent's key cannot."))
    return by.user


def _write(approval: Approval, row: Approval, *, user: User | None, until: datetime | None) -> None:
    for one in (approval, row):
        one.claimed_by, one.claimed_until = user, until
    row.save(update_fields=["claimed_by", "claimed_until"])


def _tell(row: Approval, kind: ApprovalEvent.Kind, by: Caller, detail: dict[str, str], now: datetime) -> None:
    add_event(approval=row, kind=kind, by=by, now=now, detail=dict(detail))
    announce(project=row.project, approval_ids=[row.pk], status=row.status, now=now, wake=False)
