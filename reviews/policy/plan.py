"""How people are to look at a request: what a review rule asks for, as frozen data that is kept with the request.

Pure: no ORM, no clock. A plan is stored as JSON beside the request, so that a later version of the policy does not
change what was promised to requests that already wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any


class OnTimeout(StrEnum):
    """What happens to a request that nobody decided in time."""

    REJECT = "reject"
    APPROVE = "approve"
    ESCALATE = "escalate"


@dataclass(frozen=True)
class Step:
    """One step of an escalation: who is asked, a team by its name or a person by email, and for how many seconds."""

    seconds: int
    team: str = ""
    user: str = ""


@dataclass(frozen=True)
class Escalation:
    """Who is asked one after the other. After the last step it starts again `loops` times, then `final` happens."""

    steps: tuple[Step, ...] = ()
    loops: int = 0
    final: OnTimeout = OnTimeout.REJECT


CRITICAL = "critical"
"""The level of risk that asks for four eyes and for signing in again where a rule does not say otherwise."""


@dataclass(frozen=True)
class ReviewPlan:
    """What a review rule asks for. Empty or None leaves it to what the request says, else to the project.

    `approvals` is how many distinct people have to approve; `four_eyes` asks for two at least, None for two where the
    risk is critical. `reauthenticate` asks whoever decides to have just proved who they are, so that a token, which
    cannot, does not decide; None asks it of people where the risk is critical, and leaves tokens what they may.
    `bar_key_owner` bars the person who owns the key that asked, as whoever asked is always barred.
    `risk_level` replaces the level that the factors add up to. `critical` is set by `at_level`, never by a rule.
    """

    team: str = ""
    approvals: int = 1
    deadline_seconds: int | None = None
    escalation: Escalation = Escalation()
    on_timeout: OnTimeout | None = None
    risk_level: str = ""
    reauthenticate: bool | None = None
    four_eyes: bool | None = None
    bar_key_owner: bool = False
    critical: bool = False

    @property
    def approvals_needed(self) -> int:
        """How many distinct people have to approve."""
        return max(self.approvals, 2 if self.four_eyes else 1)

    @property
    def asks_proof(self) -> bool:
        """Whether people prove who they are before they decide."""
        return self.critical if self.reauthenticate is None else self.reauthenticate

    @property
    def silence_approves(self) -> bool:
        """Whether nobody's objecting is an approval: at the deadline, or after the last step."""
        return OnTimeout.APPROVE in (self.on_timeout, self.escalation.final)

    @property
    def needs_somebody(self) -> bool:
        """Whether the plan asks for more of people than not to object, so that silence cannot stand in for them."""
        return self.approvals_needed > 1 or self.asks_proof or self.risk_level == CRITICAL

    def at_level(self, level: str) -> ReviewPlan:
        """The plan for a request of this level of risk: what is critical takes four eyes that have just signed in, and
        silence is none."""
        if level != CRITICAL:
            return self.never_silently() if self.needs_somebody else self
        four_eyes = True if self.four_eyes is None else self.four_eyes
        return replace(self, critical=True, four_eyes=four_eyes).never_silently()

    def never_silently(self) -> ReviewPlan:
        """This plan, but nothing is approved by itself."""
        if not self.silence_approves:
            return self
        return replace(
            self,
            on_timeout=OnTimeout.REJECT if self.on_timeout is OnTimeout.APPROVE else self.on_timeout,
            escalation=replace(self.escalation, final=OnTimeout.REJECT),
        )

    def stricter(self, other: ReviewPlan) -> ReviewPlan:
        """This plan, with the safeguards of another on top. Nothing is approved by itself unless both say so."""
        found = replace(
            self,
            approvals=max(self.approvals, other.approvals),
            reauthenticate=_stricter(self.reauthenticate, other.reauthenticate),
            four_eyes=_stricter(self.four_eyes, other.four_eyes),
            bar_key_owner=self.bar_key_owner or other.bar_key_owner,
            critical=self.critical or other.critical,
        )
        both = self.on_timeout is other.on_timeout and self.escalation.final is other.escalation.final
        return found if both else found.never_silently()


def _stricter(one: bool | None, other: bool | None) -> bool | None:
    """A safeguard where either rule asks for it; without it where the risk is critical only if both say so."""
    if one or other:
        return True
    return False if one is other is False else None


PLAIN = ReviewPlan()
"""One approval by anybody who may decide."""


def dump_plan(plan: ReviewPlan) -> dict[str, Any]:
    """The plan as JSON, without what is at its default; `load_plan` gives the same plan back."""
    document = {
        field.name: value
        for field in fields(plan)
        if (value := getattr(plan, field.name)) != getattr(PLAIN, field.name)
    }
    if "escalation" in document:
        escalation = plan.escalation
        document["escalation"] = {
            "steps": [{name: value for name, value in asdict(step).items() if value} for step in escalation.steps],
            "loops": escalation.loops,
            "final": escalation.final.value,
        }
    if plan.on_timeout is not None:
        document["on_timeout"] = plan.on_timeout.value
    return document


def load_plan(document: Mapping[str, Any]) -> ReviewPlan:
    """The plan of a document that `dump_plan` wrote. Raises TypeError on a field that is not known here."""
    values = dict(document)
    if "escalation" in values:
        given = values["escalation"]
        steps = tuple(Step(**step) for step in given["steps"])
        values["escalation"] = Escalation(steps, given["loops"], OnTimeout(given["final"]))
    if values.get("on_timeout") is not None:
        values["on_timeout"] = OnTimeout(values["on_timeout"])
    return ReviewPlan(**values)
