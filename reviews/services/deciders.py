"""Who may still decide on a request: the one answer for asking, reminding, assigning, claiming, channels and pages.

Nobody decides on what they asked for themselves, nor where a rule says so on what their own key asked for; and whoever
has decided is not asked again. Whether somebody is there is the roster's to say (`agents.rosters`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from agents.models import User
from agents.rosters import Roster, recent_roster_of
from agents.selectors import owners_of
from reviews import quorum
from reviews.models import Approval, ApprovalItem, Decision
from reviews.wire import Standing

Without = Mapping[UUID, frozenset[int]]
"""By request the ids of those who are not asked: who may not decide on it, or has done so already."""


def made_by(approval: Approval, user: User) -> bool:
    """Whether a person made the request themselves. A key's requests are the agent's, whoever owns the key."""
    return approval.requested_by_user_id == user.pk


def why_barred(approval: Approval, user: User) -> str:
    """Why a person may not decide on a request whatever their role, in words; empty when they may."""
    if made_by(approval, user):
        return _("You made this request yourself, so somebody else has to decide.")
    if user.pk in barred([approval])[approval.pk]:
        return _("Your own key made this request, so somebody else has to decide.")
    return ""


def barred(rows: Iterable[Approval]) -> Without:
    """Who may not decide on each of some requests, whatever their role. One query at most."""
    found = list(rows)
    owned = {row.pk: row.requested_by_key_id for row in found if row.requested_by_key_id and _bars_owner(row)}
    owners = owners_of(set(owned.values()))
    return {
        row.pk: owners.get(owned.get(row.pk, 0), frozenset())
        | ({row.requested_by_user_id} if row.requested_by_user_id else set())
        for row in found
    }


def not_asked(rows: Sequence[Approval]) -> Without:
    """Who is not asked of each of some requests: those barred, and those with nothing left to decide. Three queries."""
    votes: dict[UUID, list[Decision]] = defaultdict(list)
    for vote in Decision.objects.standing().filter(approval_id__in=[row.pk for row in rows]):
        votes[vote.approval_id].append(vote)
    items: dict[UUID, list[ApprovalItem]] = defaultdict(list)
    if votes:
        for item in ApprovalItem.objects.filter(approval_id__in=votes).only("approval_id", "index").order_by("index"):
            items[item.approval_id].append(item)
    out = barred(rows)
    return {row.pk: out[row.pk] | _done(_where(row, items[row.pk], votes[row.pk])) for row in rows}


def not_asked_of(approval: Approval, standings: Sequence[Standing], *, out: frozenset[int]) -> frozenset[int]:
    """As `not_asked`, of a request whose `standings` and whose barred people are at hand."""
    return out | _done(standings)


def why_not_asked(approval: Approval, user: User) -> str:
    """Why there is nothing for a person to decide on a request, in words; empty when there is."""
    why = why_barred(approval, user)
    if not why and user.pk in not_asked([approval])[approval.pk]:
        return _("You have decided on this request: it is for others now.")
    return why


def notices(approval: Approval, roster: Roster, standings: Sequence[Standing], *, out: frozenset[int]) -> list[str]:
    """What keeps a waiting request from the people that it was meant for, or from any decision, in sentences.

    `out` are those who may not decide on it.
    """
    found = []
    if approval.team and not (approval.routed_to_id or approval.assigned_to_id) and not roster.team(approval.team):
        found.append(
            _("There is no team “%(team)s” here: everybody who may decide is asked.") % {"team": approval.team}
        )
    left = [one for one in standings if one.deciding is None]
    if left and not roster.able(out | _done(standings)):
        text = _(
            "Nobody is left who can decide: whoever may has made the request, owns its key, or has decided already."
        )
        return [*found, text]
    needed = approval.review_plan.approvals_needed
    most = min((one.approvals + len(roster.able(out | _voters(one))) for one in left), default=needed)
    if most < needed:
        text = ngettext(
            "%(needed)d people have to approve the same, and at most %(n)d can: it can be rejected, not approved.",
            "%(needed)d people have to approve the same, and at most %(n)d can: it can be rejected, not approved.",
            most,
        )
        found.append(text % {"needed": needed, "n": most})
    return found


def notices_of(rows: Sequence[Approval], *, now: datetime) -> dict[UUID, list[str]]:
    """The `notices` of those of some requests that wait, which have their actions and verdicts at hand."""
    waiting = [row for row in rows if row.is_open]
    rosters = {key: recent_roster_of(key, now=now) for key in {row.project_id for row in waiting}}
    out = barred(waiting)
    return {row.pk: notices(row, rosters[row.project_id], standings_of(row), out=out[row.pk]) for row in waiting}


def standings_of(approval: Approval) -> list[Standing]:
    """Where each item of a request stands. Reads `items` and `decisions`, or takes them as prefetched."""
    votes = sorted(approval.decisions.all(), key=lambda vote: vote.pk)
    return _where(approval, approval.items.all(), votes)


def _where(approval: Approval, items: Iterable[ApprovalItem], votes: Sequence[Decision]) -> list[Standing]:
    return quorum.standings(items, votes, needed=approval.review_plan.approvals_needed) if items else []


def _bars_owner(row: Approval) -> bool:
    return bool(row.plan) and row.review_plan.bar_key_owner


def _voters(standing: Standing) -> frozenset[int]:
    return frozenset(vote.reviewer_id for vote in standing.votes if vote.reviewer_id is not None)


def _done(standings: Sequence[Standing]) -> frozenset[int]:
    """Who has had their say on all that is still open."""
    people = frozenset().union(*map(_voters, standings))
    left = [_voters(one) for one in standings if one.deciding is None]
    return frozenset(key for key in people if all(key in voters for voters in left))
