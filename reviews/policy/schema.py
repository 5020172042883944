"""The shape of a policy: rules, risk factors and risk levels, as frozen data that is stored as JSON.

Pure: no ORM, no clock. Weights and thresholds are decimals, so that 0.3 + 0.3 is exactly the 0.6 where high begins.
What people write comes in through `reviews.policy.reading`, which says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from reviews.policy.plan import PLAIN, ReviewPlan, dump_plan, load_plan

FORMAT = 4
"""Of the stored document. A reader that does not know the number must not guess."""

FIRST_FORMAT = 1
"""Factors were fields with cases, rules had no conditions. Still read: versions are immutable."""

SECOND_FORMAT = 2
"""A rule that did not ask for four eyes had none, however critical the risk. Still read, as it was meant."""

THIRD_FORMAT = 3
"""A rule that did not ask people to sign in again asked nobody, however critical the risk. Still read, as it was."""

UNSAID: dict[int, dict[str, bool]] = {
    FIRST_FORMAT: {"four_eyes": False, "reauthenticate": False},
    SECOND_FORMAT: {"four_eyes": False, "reauthenticate": False},
    THIRD_FORMAT: {"reauthenticate": False},
    FORMAT: {},
}
"""What a review rule means that does not say it, by the format of its document."""

LEVELS = ("low", "medium", "high", "critical")


class Effect(StrEnum):
    """What a rule does with a request that it matches."""

    AUTO_APPROVE = "auto_approve"
    AUTO_REJECT = "auto_reject"
    REVIEW = "review"


@dataclass(frozen=True)
class Rule:
    """One rule. Rules are tried in order and the first one that matches counts; one that is not enabled is passed over.

    `reason` is what an agent is told that is rejected by the rule.
    """

    name: str
    effect: Effect
    condition: str = "true"
    enabled: bool = True
    review: ReviewPlan = PLAIN
    reason: str = ""


@dataclass(frozen=True)
class Factor:
    """One source of risk: when its condition holds, its weight (0 to 1) is added to the score."""

    name: str
    condition: str
    weight: Decimal
    enabled: bool = True


@dataclass(frozen=True)
class Levels:
    """The scores from which a request is medium, high and critical; below `medium` it is low."""

    medium: Decimal
    high: Decimal
    critical: Decimal


@dataclass(frozen=True)
class Policy:
    """Everything that decides how risky a request is and who has to look at it."""

    rules: tuple[Rule, ...]
    factors: tuple[Factor, ...]
    levels: Levels

    def with_new(self, rule: Rule) -> Policy:
        """With one more rule, before the last one, which usually matches everything."""
        place = max(len(self.rules) - 1, 0)
        return replace(self, rules=(*self.rules[:place], rule, *self.rules[place:]))

    @property
    def conditions(self) -> tuple[str, ...]:
        """Every condition that is asked, the factors' first."""
        factors = [factor.condition for factor in self.factors if factor.enabled]
        return tuple(dict.fromkeys([*factors, *(rule.condition for rule in self.rules if rule.enabled)]))


DEFAULT_FACTORS: tuple[Factor, ...] = (
    Factor("amount", 'over("amount", 10000)', Decimal("0.4")),
    Factor("amount", 'over("amount", 1000) && !over("amount", 10000)', Decimal("0.2")),
    Factor("data classification", 'word("data_classification") == "confidential"', Decimal("0.3")),
    Factor("irreversible", 'is_true("irreversible")', Decimal("0.3")),
)
DEFAULT_LEVELS = Levels(medium=Decimal("0.3"), high=Decimal("0.6"), critical=Decimal("0.9"))
EVERY_REQUEST = Rule("every request is reviewed", Effect.REVIEW, review=ReviewPlan(four_eyes=False))
"""By one person, whatever the risk: a project begins with one."""


def dump(policy: Policy) -> dict[str, Any]:
    """The policy as a JSON document; `load` gives the same policy back."""
    return {
        "format": FORMAT,
        "rules": [_dump_rule(rule) for rule in policy.rules],
        "factors": [
            {
                "name": factor.name,
                "condition": factor.condition,
                "weight": str(factor.weight),
                "enabled": factor.enabled,
            }
            for factor in policy.factors
        ],
        "levels": {name: str(getattr(policy.levels, name)) for name in LEVELS[1:]},
    }


def load(document: Mapping[str, Any]) -> Policy:
    """The policy of a document that `dump` wrote. Raises ValueError on a format that is not known here."""
    unsaid = UNSAID.get(document.get("format", 0))
    if unsaid is None:
        raise ValueError(f"policy document of unknown format {document.get('format')!r}")
    if document["format"] == FIRST_FORMAT:
        plan = load_plan(unsaid)
        rules = tuple(Rule(rule["name"], Effect(rule["effect"]), review=plan) for rule in document["rules"])
        factors = tuple(row for factor in document["factors"] for row in _rows_of_cases(factor))
    else:
        rules = tuple(_load_rule(rule, unsaid) for rule in document["rules"])
        factors = tuple(
            Factor(row["name"], row["condition"], Decimal(row["weight"]), row["enabled"]) for row in document["factors"]
        )
    return Policy(rules, factors, Levels(**{name: Decimal(score) for name, score in document["levels"].items()}))


def _dump_rule(rule: Rule) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": rule.name,
        "condition": rule.condition,
        "effect": rule.effect.value,
        "enabled": rule.enabled,
    }
    if rule.effect is Effect.REVIEW:
        document["review"] = dump_plan(rule.review)
    if rule.reason:
        document["reason"] = rule.reason
    return document


def _load_rule(rule: Mapping[str, Any], unsaid: Mapping[str, bool]) -> Rule:
    """A stored rule; `unsaid` is what a review rule means that does not speak of it."""
    given = dict(unsaid) if rule["effect"] == Effect.REVIEW else {}
    review = load_plan(given | rule.get("review", {}))
    return Rule(
        rule["name"], Effect(rule["effect"]), rule["condition"], rule["enabled"], review, rule.get("reason", "")
    )


def _rows_of_cases(factor: Mapping[str, Any]) -> list[Factor]:
    """A factor of the first format: of its cases the first one that holds counted."""
    rows: list[Factor] = []
    earlier = ""
    for case in factor["cases"]:
        condition = {
            "over": f'over("{factor["field"]}", {case["operand"]})',
            "equals": f'word("{factor["field"]}") == "{str(case["operand"]).casefold()}"',
            "is_true": f'is_true("{factor["field"]}")',
        }[case["comparison"]]
        rows.append(Factor(factor["name"], f"{condition}{earlier}", Decimal(case["weight"])))
        earlier += f" && !{condition}"
    return rows
