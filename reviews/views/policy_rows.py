"""Rules and differences of a policy in words."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from reviews.policy.changes import ORDER, PolicyChange
from reviews.policy.plan import OnTimeout, ReviewPlan
from reviews.policy.schema import Effect, Policy, Rule
from reviews.policy.spans import spelt
from reviews.policy_forms import step_in_words


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


def rule_rows(policy: Policy) -> list[RuleRow]:
    """The rules of a policy in their order."""
    effects = {
        Effect.REVIEW: (_("Review"), "info", "users"),
        Effect.AUTO_APPROVE: (_("Approve"), "ok", "check"),
        Effect.AUTO_REJECT: (_("Reject"), "danger", "x"),
    }
    last = len(policy.rules) - 1
    return [
        RuleRow(place, rule, *effects[rule.effect], rule_words(rule), place == 0, place == last)
        for place, rule in enumerate(policy.rules)
    ]


def rule_words(rule: Rule) -> list[str]:
    """What follows when the rule matches."""
    if rule.effect is Effect.REVIEW:
        return plan_words(rule.review)
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
        (plan.reauthenticate, _("reviewers sign in again")),
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
