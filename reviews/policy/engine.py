"""What a policy makes of a request: how risky it is, which rule says what happens to it, and why no other. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reviews.policy.conditions import Answer, Trial, compiled
from reviews.policy.evidence import evidence
from reviews.policy.plan import ReviewPlan
from reviews.policy.recall import Recall, RecallingTrial
from reviews.policy.risk import Risk, assess
from reviews.policy.schema import LEVELS, Effect, Policy, Rule

NO_RULE = "no rule matched"
IN_DOUBT = "a condition failed"


@dataclass(frozen=True)
class Assessment:
    """The risk of a request and what is to happen to it.

    `rule` is the name of the rule that matched. `trace` has an entry {rule, matched, why} for every rule that was
    enabled, in their order. `errors` are the conditions that failed: with any of them only people approve or reject.
    `items` are, of a batch, the assessments of its actions. `set_by` is the rule that sets the level, where the level
    is another than the factors add up to.
    """

    risk: Risk
    rule: str
    effect: Effect
    plan: ReviewPlan
    trace: tuple[dict[str, Any], ...]
    errors: tuple[str, ...] = ()
    reason: str = ""
    items: tuple[Assessment, ...] = ()
    set_by: str = ""

    @property
    def rejected(self) -> dict[int, Assessment]:
        """Of a batch that people look at, the actions that a rule rejects by itself, by their place."""
        if self.effect is not Effect.REVIEW:
            return {}
        return {index: one for index, one in enumerate(self.items) if one.effect is Effect.AUTO_REJECT}

    @property
    def level(self) -> str:
        """The risk level, which a rule may set."""
        return self.plan.risk_level or self.risk.level


def needs(policy: Policy) -> frozenset[str]:
    """The facts that the policy's conditions use, so that nobody looks up what nobody asks for."""
    names: set[str] = set()
    for source in policy.conditions:
        try:
            names |= compiled(source).variables
        except ValueError:
            continue  # Asking it says what is wrong with it.
    return frozenset(names)


def evaluate(
    policy: Policy, facts: Mapping[str, Any], *, explain: bool = True, recall: Recall | None = None
) -> Assessment:
    """Applies the policy. Never raises. Without `explain` nobody reads why: what was seen is not put into words.
    With `recall`, which is for small requests only, conditions are not asked again what they were asked before.

    `facts` has `action`, `args` and `context`, and of the other variables of `reviews.policy.conditions` those that
    the policy `needs`, but for `risk`, which is found here.
    """
    trial = Trial(facts) if recall is None else RecallingTrial(facts, recall)
    risk = assess(policy, trial, facts if explain else None)
    as_fact = {"level": risk.level, "score": float(risk.score), "factors": [found.name for found in risk.factors]}
    trial.tell("risk", as_fact)
    trace: list[dict[str, Any]] = []
    failed: list[tuple[Rule, str]] = []
    matched = None
    for rule in (rule for rule in policy.rules if rule.enabled):
        if matched is not None:
            trace.append({"rule": rule.name, "matched": False, "why": "an earlier rule matched"})
            continue
        answer = trial.ask(rule.condition)
        why = _why(rule.condition, answer, {**facts, "risk": as_fact}) if explain else answer.error
        if answer.holds is None or answer.unread:
            failed.append((rule, why))
            trace.append({"rule": rule.name, "matched": False, "why": why, "error": True})
            continue
        matched = rule if answer.holds else None
        trace.append({"rule": rule.name, "matched": answer.holds, "why": why})
    chosen = matched or Rule(NO_RULE, Effect.REVIEW)
    errors = (*risk.doubts, *(f"{rule.name}: {why}" for rule, why in failed))
    found = Assessment(risk, chosen.name, chosen.effect, chosen.review, tuple(trace), errors, chosen.reason)
    found = _in_doubt(found, [rule.review for rule, _why in failed])
    plan = found.plan.at_level(found.level)
    found = found if plan is found.plan else replace(found, plan=plan)
    return found if found.level == risk.level else _set_by_rule(found, chosen, [rule for rule, _why in failed])


def together(assessments: Sequence[Assessment]) -> Assessment:
    """One assessment of a batch: the riskiest of those that people have to look at, with every safeguard of the others.

    Only what every item would get happens by itself, but for items that a rule rejects: these are `rejected`, and
    people look at the others.
    """
    if len(assessments) == 1:
        return assessments[0]
    for_people = [one for one in assessments if one.effect is Effect.REVIEW]
    alike = len({one.effect for one in assessments}) == 1
    candidates = for_people or (assessments if alike else [replace(one, effect=Effect.REVIEW) for one in assessments])
    first = max(candidates, key=lambda one: (one.risk.score, one.plan.approvals))
    plan = first.plan
    for other in for_people:
        plan = plan.stricter(other.plan)
    if any(one.effect is Effect.AUTO_REJECT for one in assessments):
        plan = plan.never_silently()  # What a rule refuses is not approved because nobody looked.
    level = max((one.level for one in assessments), key=LEVELS.index)
    return replace(
        first,
        risk=_riskiest(assessments, level),
        plan=replace(plan, risk_level=level).at_level(level),
        trace=tuple(entry for index, one in enumerate(assessments) for entry in _of_item(index, one, one is first)),
        errors=tuple(dict.fromkeys(error for one in assessments for error in one.errors)),
        items=tuple(assessments),
    )


def _riskiest(assessments: Sequence[Assessment], level: str) -> Risk:
    """The highest risk of a batch, by the score; it says whence the level is where that of another action is higher."""
    highest = max(assessments, key=lambda one: one.risk.score)
    if highest.level == level:
        return highest.risk
    number, other = next((place, one) for place, one in enumerate(assessments, start=1) if one.level == level)
    rule = f"set by rule “{other.set_by}” for" if other.set_by else "the level of"
    return highest.risk.counted_as(level, f"{rule} action {number}")


def _set_by_rule(found: Assessment, chosen: Rule, failed: Sequence[Rule]) -> Assessment:
    """The same assessment, whose risk says which rule sets the level: the one that matched, else one that failed."""
    rule = next(one for one in (chosen, *failed) if one.review.risk_level == found.level)
    doubt = "" if rule is chosen else ", which could not be judged"
    risk = found.risk.counted_as(found.level, f"set by rule “{rule.name}”{doubt}")
    return replace(found, risk=risk, set_by=rule.name)


def _of_item(index: int, assessment: Assessment, whole: bool) -> list[dict[str, Any]]:
    """The trace of one item of a batch; unless `whole` only what matched or failed."""
    return [{**entry, "item": index} for entry in assessment.trace if whole or entry["matched"] or entry.get("error")]


def _in_doubt(assessment: Assessment, plans: Sequence[ReviewPlan]) -> Assessment:
    """What a condition that failed leads to: people look, as carefully as the rules that matched or failed ask for.

    Nothing happens by itself then, neither now nor at the deadline. It counts as risky as the riskiest of these rules
    says, and the people of the first rule that failed are asked, as they would have been had it matched.
    """
    if not assessment.errors:
        return assessment
    plan = assessment.plan.never_silently()
    for other in plans:
        plan = plan.stricter(other)
    levels = [other.risk_level for other in plans if other.risk_level]
    if levels:
        plan = replace(plan, risk_level=max(assessment.level, *levels, key=LEVELS.index))
    team = next((other.team for other in plans if other.team), plan.team)
    return for_people(replace(assessment, plan=replace(plan, team=team)), IN_DOUBT)


def for_people(assessment: Assessment, why: str) -> Assessment:
    """The same assessment, but nothing happens by itself; a rule that would have decided is set aside, `why` says."""
    if assessment.effect is Effect.REVIEW:
        return assessment
    trace = tuple(
        {**entry, "matched": False, "why": f"{entry['why']}; set aside, because {why}"} if entry["matched"] else entry
        for entry in assessment.trace
    )
    return replace(assessment, rule=why, effect=Effect.REVIEW, trace=trace, reason="")


def _why(source: str, answer: Answer, facts: Mapping[str, Any]) -> str:
    if answer.unread:
        return f"the condition could not be judged: {'; '.join(answer.unread)}"
    if answer.holds is None:
        return f"the condition could not be judged: {answer.error}"
    if source.strip() == "true":
        return "it matches every request"
    seen = answer.seen if answer.holds and answer.seen else evidence(source, facts)
    word = "holds" if answer.holds else "does not hold"
    return f"the condition {word}: {'; '.join(seen)}" if seen else f"the condition {word}"
