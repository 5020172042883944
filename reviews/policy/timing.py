"""How long a request waits for whom: the deadline of those asked first, the steps of an escalation, and reminders.

Pure: no ORM, no clock. Everything is reckoned from the moment of the request, so that a worker that comes late, or a
clock that jumps, finds the same answer as one that was there all along: what is over is skipped, never repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from reviews.policy.plan import OnTimeout, ReviewPlan, Step

REMINDERS = (0.5, 0.9)
"""The parts of a stage after which those asked are reminded."""

REMINDED_FROM = timedelta(minutes=2)
"""A shorter stage is over before anybody has read a reminder."""


class NotAllowed(ValueError):
    """The policy does not allow what an agent wants to happen at the deadline."""

    def __init__(self, wanted: str) -> None:
        super().__init__(f"the project's policy does not allow {wanted}")
        self.wanted = wanted


@dataclass(frozen=True)
class Terms:
    """What a request and the policy agree on: how long those asked first have, and what follows."""

    deadline: timedelta
    on_timeout: OnTimeout
    steps: tuple[Step, ...] = ()
    """Of an escalation, all rounds of it one after the other."""
    final: OnTimeout = OnTimeout.REJECT
    """What happens at the very end: reject or approve."""

    @property
    def lasts(self) -> timedelta:
        """From the request to its expiry, all steps included."""
        return self.deadline + timedelta(seconds=sum(step.seconds for step in self.steps))


@dataclass(frozen=True)
class Stage:
    """A time in which the same people are asked. Number 0 has no step: it belongs to those asked first."""

    number: int
    step: Step | None
    begins: datetime
    ends: datetime


def agree(
    plan: ReviewPlan, *, timeout: timedelta | None, on_timeout: str, default: timedelta, votable: bool = True
) -> Terms:
    """The terms of a request that wants `timeout` and `on_timeout` (None and "": whatever the policy says).

    The shorter deadline holds, `default` when nobody names one. But where silence approves, an agent does not shorten
    the time that people have to object. An agent may ask to be refused at the deadline instead of what the policy says;
    anything else only when the policy says so itself. Raises NotAllowed.

    `votable` says whether people may both approve and reject all of it: else their silence means nothing.
    """
    effect, steps, final = _ending(plan if votable else plan.never_silently(), on_timeout)
    allowed = timedelta(seconds=plan.deadline_seconds) if plan.deadline_seconds else None
    if final is OnTimeout.APPROVE:
        deadline = allowed or max(timeout or default, default)
    else:
        deadline = min((time for time in (timeout, allowed) if time is not None), default=default)
    return Terms(deadline, effect, steps, final)


def _ending(plan: ReviewPlan, wanted: str) -> tuple[OnTimeout, tuple[Step, ...], OnTimeout]:
    steps = plan.escalation.steps * (plan.escalation.loops + 1)
    promised = plan.on_timeout or (OnTimeout.ESCALATE if steps else OnTimeout.REJECT)
    effect = OnTimeout(wanted) if wanted else promised
    if effect is OnTimeout.ESCALATE and steps:
        return effect, steps, plan.escalation.final
    if effect is OnTimeout.REJECT or effect is promised is OnTimeout.APPROVE:
        return effect, (), effect
    if not wanted:  # A policy that escalates to nobody.
        return OnTimeout.REJECT, (), OnTimeout.REJECT
    raise NotAllowed(wanted)


def stage_at(terms: Terms, *, since: datetime, moment: datetime) -> Stage:
    """Which stage a request made at `since` is in; before the first it is the first, after the last the last."""
    begins, ends = since, since + terms.deadline
    stage = Stage(0, None, begins, ends)
    for number, step in enumerate(terms.steps, start=1):
        if moment < stage.ends:
            break
        begins, ends = stage.ends, stage.ends + timedelta(seconds=step.seconds)
        stage = Stage(number, step, begins, ends)
    return stage


def next_reminder(stage: Stage, *, after: datetime) -> datetime | None:
    """When those asked are reminded next, `after` excluded; None when they are not reminded in this stage again."""
    length = stage.ends - stage.begins
    if length < REMINDED_FROM:
        return None
    moments = (stage.begins + length * part for part in REMINDERS)
    return next((moment for moment in moments if moment > after), None)
