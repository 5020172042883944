"""Assigning: somebody says who or which team is to look at a request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from agents.authentication import Caller
from agents.messages import plain
from agents.models import Team, User
from agents.rosters import Roster, roster_of
from agents.services.notify import notify
from reviews.models import Approval, ApprovalEvent
from reviews.services.claims import holder
from reviews.services.deciders import barred, made_by, not_asked
from reviews.services.settling import locked, overtaken
from reviews.services.transitions import AlreadyDecided, add_event, announce


class InvalidAssignee(ValueError):
    """The request cannot be given to them. `errors` says why, by field."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.errors = {field: [message]}


@dataclass(frozen=True)
class Assigned:
    """Whom a request is for now. `instead_of` was meant and is away; then `user` stands in for them."""

    user: User | None
    team: Team | None
    instead_of: User | None = None


@transaction.atomic
def assign(
    *, approval: Approval, by: Caller, user: User | None = None, team: Team | None = None, now: datetime
) -> Assigned | AlreadyDecided:
    """Gives a waiting request to a person, to a team, or with neither to everybody who may decide.

    Those who are away are stood in for. A team stays asked when one of its people is named. Everybody who may decide
    still may, but whoever holds it and is not among those to whom it is given holds it no longer. Raises
    InvalidAssignee.
    """
    row = locked(approval)
    if (lost := overtaken(row, now=now)) is not None:
        return lost
    roster, out = roster_of(row.project_id, now=now), not_asked([row], now=now)[row.pk]
    found = _assigned(row, roster, out, user, team)
    for one in (approval, row):
        one.assigned_to, one.routed_to = found.user, found.team
    taken_from = _let_go(approval, row, roster, found, now)
    row.save(update_fields=["assigned_to", "routed_to", "claimed_by", "claimed_until"])
    add_event(approval=row, kind=ApprovalEvent.Kind.ASSIGNED, by=by, now=now, detail=_detail(found) | taken_from)
    _notify(row, roster, found, by, out, now)
    announce(project=row.project, approval_ids=[row.pk], status=row.status, now=now, wake=False)
    return found


def _let_go(approval: Approval, row: Approval, roster: Roster, found: Assigned, now: datetime) -> dict[str, str]:
    """Ends the claim of whoever is not meant any more; from whom it is taken, as the timeline says it."""
    held = holder(row, now=now)
    meant = {found.user.pk} if found.user else roster.members.get(found.team.pk, frozenset()) if found.team else None
    if held is None or meant is None or row.claimed_by_id in meant:
        return {}
    for one in (approval, row):
        one.claimed_by = one.claimed_until = None
    return {"taken_from": held.name}


def _assigned(row: Approval, roster: Roster, out: frozenset[int], user: User | None, team: Team | None) -> Assigned:
    if user is not None:
        if user.pk not in roster.deciders:
            raise InvalidAssignee("user", _("This person may not decide in this project."))
        there = roster.there(user.pk)
        if there is None:
            raise InvalidAssignee("user", _("This person is away, and nobody stands in for them."))
        if there.pk in out:
            raise InvalidAssignee("user", _why_not(row, there))
        return Assigned(there, team or row.routed_to, instead_of=user if there.pk != user.pk else None)
    if team is not None and team.pk not in roster.teams:
        raise InvalidAssignee("team", _("There is no such team in this project."))
    return Assigned(None, team)


def _why_not(row: Approval, user: User) -> str:
    if made_by(row, user):
        return _("Nobody decides on a request that they made themselves.")
    if user.pk in barred([row])[row.pk]:
        return _("Here nobody decides on a request that their own key made.")
    return _("%(name)s has decided on this request already.") % {"name": user.display_name}


def _detail(found: Assigned) -> dict[str, Any]:
    """What the timeline says; names, for people may leave."""
    names = {
        "user": found.user.display_name if found.user else None,
        "team": found.team.name if found.team else None,
        "instead_of": found.instead_of.display_name if found.instead_of else None,
    }
    return {key: name for key, name in names.items() if name is not None}


def _notify(row: Approval, roster: Roster, found: Assigned, by: Caller, out: frozenset[int], now: datetime) -> None:
    if found.user is None and found.team is None:
        return
    people = roster.asked(
        person_id=found.user.pk if found.user else None, team_id=found.team.pk if found.team else None, without=out
    )
    notify(
        users=[user for user in people if user != by.user],
        project=row.project,
        kind="approval.assigned",
        title=_("Assigned by %(name)s: %(action)s") % {"name": plain(by.label), "action": plain(row.action)},
        body=plain(row.summary or row.risk["explanation"]),
        url=reverse("reviews:approval", args=[row.project.slug, row.pk]),
        now=now,
    )
