"""Whom a request waits for: who holds it, who is asked, who has agreed so far, and who is asked next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from agents.models import User
from reviews.models import Approval
from reviews.policy.plan import ReviewPlan, Step, load_plan

STEPS_SHOWN = 12


@dataclass(frozen=True)
class Hold:
    """A claim: who has the request before them, and until when nobody else should decide."""

    name: str
    until: datetime
    mine: bool


@dataclass(frozen=True)
class Stage:
    """One step of the escalation. `state` is past, now or next; `at` is when it begins, None once that is past."""

    who: str
    state: str
    at: datetime | None


@dataclass(frozen=True)
class People:
    """Everything about people that the page of a waiting request shows."""

    hold: Hold | None
    team: str
    assigned: str
    assigned_to_me: bool
    plan: ReviewPlan
    stages: list[Stage]
    rounds: int

    @property
    def held_by_other(self) -> bool:
        return self.hold is not None and not self.hold.mine

    @property
    def held_by_me(self) -> bool:
        return self.hold is not None and self.hold.mine


def people_of(approval: Approval, viewer: User, *, now: datetime) -> People:
    """Reads the columns and the plan of a request; wants its people loaded (`ApprovalQuerySet.with_people`)."""
    plan = load_plan(approval.plan)
    return People(
        hold=hold_of(approval, viewer, now=now),
        team=approval.routed_to.name if approval.routed_to else "",
        assigned=approval.assigned_to.display_name if approval.assigned_to else "",
        assigned_to_me=approval.assigned_to_id == viewer.pk,
        plan=plan,
        stages=_stages(approval, plan),
        rounds=plan.escalation.loops + 1,
    )


def hold_of(approval: Approval, viewer: User, *, now: datetime) -> Hold | None:
    """The claim on a request; None when nobody holds it or the lease is over."""
    if approval.claimed_by is None or approval.claimed_until is None or approval.claimed_until <= now:
        return None
    mine = approval.claimed_by_id == viewer.pk
    return Hold(approval.claimed_by.display_name, approval.claimed_until, mine)


def _stages(approval: Approval, plan: ReviewPlan) -> list[Stage]:
    """Who was asked first and who is asked after them, all rounds one after the other."""
    steps = plan.escalation.steps
    if not steps or (approval.escalation_step == 0 and approval.next_step_at is None):
        return []
    first = plan.team or approval.team or _("Everybody who may decide")
    found = [Stage(first, "now" if approval.escalation_step == 0 else "past", None)]
    begins = approval.next_step_at
    for number, step in enumerate((steps * (plan.escalation.loops + 1))[:STEPS_SHOWN], start=1):
        if number <= approval.escalation_step:
            found.append(Stage(_who(step), "now" if number == approval.escalation_step else "past", None))
            continue
        found.append(Stage(_who(step), "next", begins))
        begins = begins + timedelta(seconds=step.seconds) if begins else None
    return found


def _who(step: Step) -> str:
    return step.team or step.user
