"""Who may still decide on a request: the one answer for asking, reminding, assigning, claiming, channels and pages.

Nobody decides on what they asked for themselves, nor where a rule says so on what their own key asked for; and whoever
has decided is not asked again, unless those who have differ and only they can settle it. Whether somebody is there is
the roster's to say (`agents.rosters`).
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
from reviews.states import Verdict
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


def not_asked(rows: Sequence[Approval], *, now: datetime) -> Without:
    """Who is not asked of each of some requests: those barred, and those with nothing left to decide.

    Three queries, and the rosters where people differ.
    """
    votes: dict[UUID, list[Decision]] = defaultdict(list)
    for vote in Decision.objects.standing().filter(approval_id__in=[row.pk for row in rows]):
        votes[vote.approval_id].append(vote)
    items: dict[UUID, list[ApprovalItem]] = defaultdict(list)
    if votes:
        for item in ApprovalItem.objects.filter(approval_id__in=votes).only("approval_id", "index").order_by("index"):
            items[item.approval_id].append(item)
    out = barred(rows)
    found = {}
    for row in rows:
        standings = _where(row, items[row.pk], votes[row.pk])
        done = have_decided(standings)
        if done and any(_differ(one) for one in standings):
            done -= _needed_again(row, recent_roster_of(row.project_id, now=now), standings, out=out[row.pk])
        found[row.pk] = out[row.pk] | done
    return found


def have_decided(standings: Sequence[Standing]) -> frozenset[int]:
    """Who has had their say on all that is still open."""
    people = frozenset().union(*map(_voters, standings))
    left = [_voters(one) for one in standings if one.deciding is None]
    return frozenset(key for key in people if all(key in voters for voters in left))


def stuck(approval: Approval, roster: Roster, standings: Sequence[Standing], *, out: frozenset[int]) -> list[Standing]:
    """The items on which those who approve differ, and that nobody can settle but they: somebody has to think again."""
    needed = approval.review_plan.approvals_needed
    return [
        one
        for one in standings
        if _differ(one) and one.approvals + len(roster.able(out | _voters(one))) < needed <= _most(one, roster, out=out)
    ]


def why_not_asked(approval: Approval, user: User, *, now: datetime) -> str:
    """Why there is nothing for a person to decide on a request, in words; empty when there is."""
    why = why_barred(approval, user)
    if not why and user.pk in not_asked([approval], now=now)[approval.pk]:
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
    found += [_differing(approval, roster, one, out=out) for one in left if _differ(one)]
    done = have_decided(standings) - _needed_again(approval, roster, standings, out=out)
    if left and not roster.able(out | done):
        text = _(
            "Nobody is left who can decide: whoever may has made the request, owns its key, or has decided already."
        )
        return [*found, text]
    needed = approval.review_plan.approvals_needed
    most = min((_most(one, roster, out=out) for one in left), default=needed)
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
    return _people(standing.votes)


def _people(votes: Iterable[Decision]) -> frozenset[int]:
    return frozenset(vote.reviewer_id for vote in votes if vote.reviewer_id is not None)


def _differ(standing: Standing) -> bool:
    return standing.deciding is None and len(standing.sides) > 1


def _most(standing: Standing, roster: Roster, *, out: frozenset[int]) -> int:
    """How many can come to approve the same, when all who still may decide join those on one side."""
    sides = standing.sides or ((),)
    return max(len(side) + len(roster.able(out | _people(side))) for side in sides)


def _needed_again(
    approval: Approval, roster: Roster, standings: Sequence[Standing], *, out: frozenset[int]
) -> frozenset[int]:
    """Who has decided, and is asked all the same: one of them has to think again."""
    return frozenset().union(*map(_voters, stuck(approval, roster, standings, out=out)))


def _differing(approval: Approval, roster: Roster, standing: Standing, *, out: frozenset[int]) -> str:
    """Who approves what, and what has to come of it. What may be taken back untold is told without names."""
    needed = approval.review_plan.approvals_needed
    sides = "; ".join(_side(side, named=not approval.undo_seconds) for side in standing.sides)
    text = _("They approve different things: %(sides)s. %(needed)d people have to approve the same.")
    said = text % {"sides": sides, "needed": needed}
    if not stuck(approval, roster, [standing], out=out):
        return said
    missing = needed - standing.approvals - len(roster.able(out | _voters(standing)))
    last = ngettext(
        "Nobody else can settle it: one has to take theirs back.",
        "Nobody else can settle it: %(n)d have to take theirs back.",
        missing,
    )
    return f"{said} {last % {'n': missing}}"


def _side(side: Sequence[Decision], *, named: bool) -> str:
    who = ", ".join(vote.reviewer_name for vote in side) if named else str(len(side))
    changed = side[0].verdict == Verdict.EDIT
    return (_("%(who)s with changes") if changed else _("%(who)s as proposed")) % {"who": who}
