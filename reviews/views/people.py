"""Whom a request waits for: who holds it, who is asked, who has agreed so far, and who is asked next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from agents.models import User
from agents.rosters import Roster, recent_roster_of
from reviews.models import Approval
from reviews.policy.plan import ReviewPlan, Step
from reviews.services.deciders import notices_of
from reviews.services.routing import terms_of

STEPS_SHOWN = 8


@dataclass(frozen=True)
class Hold:
    """A claim: who has the request before them, and until when nobody else should decide."""

    user_id: int
    name: str
    until: datetime
    mine: bool


@dataclass(frozen=True)
class Stage:
    """One step of the escalation. `state` is past, now or next; `at` is when it begins."""

    who: str
    state: str
    at: datetime


@dataclass(frozen=True)
class People:
    """Everything about people that the page of a waiting request shows."""

    hold: Hold | None
    team: str
    assigned: str
    assigned_to_me: bool
    stands_in_for: str
    """Those whose it is, who are away and for whom the viewer stands in; empty for nobody."""
    notices: list[str]
    """What keeps the request from people, in sentences."""
    plan: ReviewPlan
    stages: list[Stage]
    asked_first: str
    """The team that the request was made for, by its name; empty for everybody who may decide."""

    @property
    def held_by_other(self) -> bool:
        return self.hold is not None and not self.hold.mine

    @property
    def held_by_me(self) -> bool:
        return self.hold is not None and self.hold.mine


def people_of(approval: Approval, viewer: User, *, now: datetime) -> People:
    """Reads the columns and the plan of a request; wants its people and parts loaded."""
    plan = approval.review_plan
    roster = recent_roster_of(approval.project_id, now=now)
    return People(
        hold=hold_of(approval, viewer.pk, now=now),
        team=approval.routed_to.name if approval.routed_to else "",
        assigned=approval.assigned_to.display_name if approval.assigned_to else "",
        assigned_to_me=approval.assigned_to_id == viewer.pk,
        stands_in_for=_stood_in_for(approval, roster, viewer),
        notices=notices_of([approval], now=now).get(approval.pk, []),
        plan=plan,
        stages=_stages(approval, roster),
        asked_first=team_called(approval.team, roster),
    )


def team_called(name: str, roster: Roster) -> str:
    """The name of a team that a rule or an agent names; one that there is no more is called as it was then."""
    team = roster.team(name) if name else None
    return team.name if team is not None else name


def _called(step: Step, roster: Roster) -> str:
    """Whom a step asks: a team or a person, by name."""
    person = roster.person(step.user) if step.user else None
    return person.display_name if person is not None else team_called(step.team, roster) or step.user


def _stood_in_for(approval: Approval, roster: Roster, viewer: User) -> str:
    team = roster.members.get(approval.routed_to_id or 0, frozenset())
    whose = {approval.assigned_to_id} if approval.assigned_to_id else team
    if viewer.pk in whose:
        return ""
    return ", ".join(roster.deciders[key].display_name for key in sorted(roster.stood_in_for(viewer.pk) & whose))


def hold_of(approval: Approval, viewer_id: int, *, now: datetime) -> Hold | None:
    """The claim on a request; None when nobody holds it or the lease is over."""
    if approval.claimed_by is None or approval.claimed_until is None or approval.claimed_until <= now:
        return None
    mine = approval.claimed_by_id == viewer_id
    return Hold(approval.claimed_by.pk, approval.claimed_by.display_name, approval.claimed_until, mine)


def _stages(approval: Approval, roster: Roster) -> list[Stage]:
    """Who was asked first and who is asked after them, all rounds one after the other; empty when nobody follows."""
    terms = terms_of(approval)
    if not terms.steps:
        return []
    now = approval.escalation_step
    first_asked = team_called(approval.team, roster) or _("Those asked first")
    found = [Stage(first_asked, "now" if now == 0 else "past", approval.requested_at)]
    begins = approval.requested_at + terms.deadline
    for number, step in enumerate(terms.steps, start=1):
        state = "past" if number < now else "now" if number == now else "next"
        found.append(Stage(_called(step, roster), state, begins))
        begins += timedelta(seconds=step.seconds)
    # Rounds can be many: what is over, and what is far ahead, is not told.
    first = max(now - 1, 0)
    return found[first : first + STEPS_SHOWN]
