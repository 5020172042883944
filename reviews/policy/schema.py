"""The shape of a policy: rules, risk factors and risk levels, as frozen data that is stored as JSON.

Pure: no ORM, no clock. Weights and thresholds are decimals, so that 0.3 + 0.3 is exactly the 0.6 where high begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

FORMAT = 1
"""Of the stored document. A reader that does not know the number must not guess."""


class Comparison(StrEnum):
    """How a factor looks at a value. Text is compared without regard to case and surrounding space."""

    OVER = "over"
    EQUALS = "equals"
    IS_TRUE = "is_true"


class Effect(StrEnum):
    """What a rule does with a request that it matches."""

    REVIEW = "review"


@dataclass(frozen=True)
class Case:
    """One thing to look for, and the weight it adds when found."""

    comparison: Comparison
    operand: Decimal | str | None
    weight: Decimal


@dataclass(frozen=True)
class Factor:
    """One source of risk: a field of the arguments, else of the context. The first case that holds counts."""

    name: str
    field: str
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Levels:
    """The scores from which a request is medium, high and critical; below `medium` it is low."""

    medium: Decimal
    high: Decimal
    critical: Decimal


@dataclass(frozen=True)
class Rule:
    """One rule. Rules are tried in order; the last one has to match everything."""

    name: str
    effect: Effect


@dataclass(frozen=True)
class Policy:
    """Everything that decides how risky a request is and who has to look at it."""

    rules: tuple[Rule, ...]
    factors: tuple[Factor, ...]
    levels: Levels


DEFAULT_POLICY = Policy(
    rules=(Rule("every request is reviewed", Effect.REVIEW),),
    factors=(
        Factor(
            "amount",
            "amount",
            (
                Case(Comparison.OVER, Decimal(10_000), Decimal("0.4")),
                Case(Comparison.OVER, Decimal(1_000), Decimal("0.2")),
            ),
        ),
        Factor(
            "data classification",
            "data_classification",
            (Case(Comparison.EQUALS, "confidential", Decimal("0.3")),),
        ),
        Factor("irreversible", "irreversible", (Case(Comparison.IS_TRUE, None, Decimal("0.3")),)),
    ),
    levels=Levels(medium=Decimal("0.3"), high=Decimal("0.6"), critical=Decimal("0.9")),
)


def dump(policy: Policy) -> dict[str, Any]:
    """The policy as a JSON document; `load` gives the same policy back."""
    return {
        "format": FORMAT,
        "rules": [{"name": rule.name, "effect": rule.effect.value} for rule in policy.rules],
        "factors": [
            {"name": factor.name, "field": factor.field, "cases": [_dump_case(case) for case in factor.cases]}
            for factor in policy.factors
        ],
        "levels": {name: str(getattr(policy.levels, name)) for name in ("medium", "high", "critical")},
    }


def load(document: Mapping[str, Any]) -> Policy:
    """The policy of a document that `dump` wrote. Raises ValueError on a format that is not known here."""
    if document.get("format") != FORMAT:
        raise ValueError(f"policy document of unknown format {document.get('format')!r}")
    return Policy(
        rules=tuple(Rule(rule["name"], Effect(rule["effect"])) for rule in document["rules"]),
        factors=tuple(
            Factor(factor["name"], factor["field"], tuple(_load_case(case) for case in factor["cases"]))
            for factor in document["factors"]
        ),
        levels=Levels(**{name: Decimal(score) for name, score in document["levels"].items()}),
    )


def _dump_case(case: Case) -> dict[str, Any]:
    operand = str(case.operand) if isinstance(case.operand, Decimal) else case.operand
    return {"comparison": case.comparison.value, "operand": operand, "weight": str(case.weight)}


def _load_case(case: Mapping[str, Any]) -> Case:
    comparison = Comparison(case["comparison"])
    operand = Decimal(case["operand"]) if comparison is Comparison.OVER else case["operand"]
    return Case(comparison, operand, Decimal(case["weight"]))
