"""How risky a request is, and why, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from reviews.policy.conditions import Trial
from reviews.policy.evidence import evidence
from reviews.policy.schema import Levels, Policy

NOTHING = "none of the policy's risk factors applies"


@dataclass(frozen=True)
class Found:
    """A factor that applied: its weight (0 to 1) and what was seen, in words."""

    name: str
    weight: Decimal
    detail: str


@dataclass(frozen=True)
class Risk:
    """The risk of a request: low, medium, high or critical, a score from 0 to 1, and the reasons.

    `doubts` are the factors that could not be judged: the risk may be higher than the score says.
    """

    level: str
    score: Decimal
    factors: tuple[Found, ...]
    explanation: str
    doubts: tuple[str, ...] = ()

    @property
    def document(self) -> dict[str, Any]:
        """The reasons as JSON, as they are kept with a request."""
        factors = [{"name": one.name, "weight": float(one.weight), "detail": one.detail} for one in self.factors]
        doubts = {"doubts": list(self.doubts)} if self.doubts else {}
        return {"factors": factors, "explanation": self.explanation, **doubts}

    def counted_as(self, level: str, why: str) -> Risk:
        """The same risk where the request counts as another level than the factors add up to: `why`, in a few words."""
        if not self.explanation:
            return self
        words = explain(f"{level.capitalize()}, {why};", self.score, self.factors, self.doubts)
        return replace(self, explanation=words)


def assess(policy: Policy, trial: Trial, facts: Mapping[str, Any] | None) -> Risk:
    """Adds up the factors that apply. Never raises, whatever the values are. Without `facts` nobody reads why."""
    found: list[Found] = []
    doubts: list[str] = []
    for factor in policy.factors:
        if not factor.enabled:
            continue
        answer = trial.ask(factor.condition)
        if answer.holds:
            seen = answer.seen or (tuple(evidence(factor.condition, facts)) if facts is not None else ())
            found.append(Found(factor.name, factor.weight, "; ".join(seen) or factor.name))
        elif answer.holds is None:
            doubts.append(f"{factor.name} could not be judged: {answer.error}")
        doubts += [sentence for sentence in answer.unread if sentence not in doubts]
    score = min(sum((factor.weight for factor in found), Decimal(0)), Decimal(1))
    level = level_of(score, policy.levels)
    sentence = explain(f"{level.capitalize()} risk,", score, found, doubts) if facts is not None else ""
    return Risk(level, score, tuple(found), sentence, tuple(doubts))


def level_of(score: Decimal, levels: Levels) -> str:
    """The name of the level that a score falls into."""
    if score >= levels.critical:
        return "critical"
    if score >= levels.high:
        return "high"
    return "medium" if score >= levels.medium else "low"


def explain(opening: str, score: Decimal, found: Sequence[Found], doubts: Sequence[str]) -> str:
    """One or two sentences for the reviewer. `opening` says the level, up to its comma or semicolon."""
    reasons = "; ".join(f"{factor.detail} (+{factor.weight})" for factor in found)
    sentence = f"{opening} score {score:.2f}: {reasons or NOTHING}."
    return " ".join([sentence, *(f"{text[0].upper()}{text[1:]}." for text in doubts)])
