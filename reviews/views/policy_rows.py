"""Rules and differences of a policy in words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from reviews.policy.changes import ORDER, PolicyChange
from reviews.policy.merging import Conflict
from reviews.policy.plan import OnTimeout, ReviewPlan
from reviews.policy.schema import Effect, Factor, Levels, Policy, Rule
from reviews.policy.spans import spelt
from reviews.policy_forms import step_in_words

EFFECTS = {
    Effect.REVIEW: gettext_lazy("Review"),
    Effect.AUTO_APPROVE: gettext_lazy("Approve"),
    Effect.AUTO_REJECT: gettext_lazy("Reject"),
}
STEP = re.compile(r"escalation\.steps\[(\d+)\]")


@dataclass(frozen=True)
class RuleRow:
    """One rule for a page; `place` counts from 0. `kind` is the colour of the badge."""

    place: int
    rule: Rule
    effect: str
    kind: str
    icon: str
    words: list[str]
    first: bool
    last: bool

    @property
    def matches_all(self) -> bool:
        return self.rule.condition.strip() == "true"


@dataclass(frozen=True)
class ChangeRow:
    """One difference for a page."""

    what: str
    field: str
    before: str
    after: str


@dataclass(frozen=True)
class FaultRow:
    """A rule that keeps a draft from being published; `place` counts from 0. `texts` say why."""

    place: int
    name: str
    texts: list[str]


@dataclass(frozen=True)
class ConflictRow:
    """Something that both a draft and the version in force have changed, and what either says of it, line by line."""

    key: str
    what: str
    draft: list[str]
    version: list[str]


def rule_rows(policy: Policy) -> list[RuleRow]:
    """The rules of a policy in their order."""
    marks = {
        Effect.REVIEW: ("info", "users"),
        Effect.AUTO_APPROVE: ("ok", "check"),
        Effect.AUTO_REJECT: ("danger", "x"),
    }
    last = len(policy.rules) - 1
    return [
        RuleRow(
            place, rule, str(EFFECTS[rule.effect]), *marks[rule.effect], rule_words(rule), place == 0, place == last
        )
        for place, rule in enumerate(policy.rules)
    ]


def rule_words(rule: Rule) -> list[str]:
    """What follows when the rule matches."""
    if rule.effect is Effect.REVIEW:
        return plan_words(rule.review.at_level(rule.review.risk_level))
    return [rule.reason] if rule.reason else []


def plan_words(plan: ReviewPlan) -> list[str]:
    """What a review takes, in a few words each."""
    needed = plan.approvals_needed
    words = [ngettext("%(n)d approval", "%(n)d approvals", needed) % {"n": needed}]
    if plan.team:
        words.append(_("team %(team)s") % {"team": plan.team})
    if plan.deadline_seconds:
        words.append(_("within %(time)s") % {"time": spelt(plan.deadline_seconds)})
    if plan.risk_level:
        words.append(_("%(level)s risk") % {"level": plan.risk_level})
    if plan.escalation.steps:
        steps = ", ".join(step_in_words(step) for step in plan.escalation.steps)
        words.append(_("then %(steps)s") % {"steps": steps})
    if OnTimeout.APPROVE in {plan.on_timeout, plan.escalation.final if plan.escalation.steps else None}:
        words.append(_("approved when nobody decides"))
    flags = [
        (plan.four_eyes is False, _("one person even where the risk is critical")),
        (plan.asks_proof, _("reviewers sign in again")),
        (plan.reauthenticate is False, _("no signing in again even where the risk is critical")),
        (plan.bar_key_owner, _("not by the owner of the agent's key")),
    ]
    return [*words, *(text for flag, text in flags if flag)]


def change_rows(changes: list[PolicyChange]) -> list[ChangeRow]:
    """Differences for the table that shows them."""
    names = {"rule": _("Rule %(name)s"), "factor": _("Factor %(name)s"), "levels": _("Levels")}
    return [
        ChangeRow(
            _("Order of the rules") if change.field == ORDER else names[change.sort] % {"name": change.name},
            "" if change.field == ORDER else change.field,
            change.before,
            change.after,
        )
        for change in changes
    ]


def fault_rows(policy: Policy, unknown: Mapping[int, Mapping[str, str]]) -> list[FaultRow]:
    """What `unknown_names` found, rule by rule."""
    return [
        FaultRow(place, policy.rules[place].name, [_fault(field, text) for field, text in found.items()])
        for place, found in unknown.items()
    ]


def _fault(field: str, text: str) -> str:
    step = STEP.fullmatch(field)
    if step is None:
        return f"{text[0].upper()}{text[1:]}."
    return _("Escalation step %(n)d: %(text)s.") % {"n": int(step.group(1)) + 1, "text": text}


def conflict_rows(conflicts: Sequence[Conflict]) -> list[ConflictRow]:
    """What somebody has to choose, in words."""
    names = {"order": _("Order of the rules"), "factors": _("Risk factors"), "levels": _("Levels")}
    return [
        ConflictRow(
            one.key,
            names.get(one.sort) or _("Rule %(name)s") % {"name": one.name},
            _said(one.draft),
            _said(one.version),
        )
        for one in conflicts
    ]


def _said(value: object) -> list[str]:
    """What one side says of a rule, of the order, of the factors or of the levels."""
    if value is None:
        return [_("removed")]
    if isinstance(value, Rule):
        state = [] if value.enabled else [_("Switched off")]
        effect = EFFECTS[value.effect]
        return [*state, value.condition, " · ".join([str(effect), *rule_words(value)])]
    if isinstance(value, Levels):
        return [f"{name} {score}" for name, score in vars(value).items()]
    assert isinstance(value, tuple)
    return [_factor(one) if isinstance(one, Factor) else str(one) for one in value]


def _factor(factor: Factor) -> str:
    off = "" if factor.enabled else f" ({_('Switched off')})"
    return f"{factor.name}: {factor.condition} +{factor.weight}{off}"
