"""How risky a request is, and why, in words.

Pure. Arguments come from agents, so a number may arrive as text, null, a boolean, NaN or with four thousand digits;
whatever cannot be read adds nothing to the score but is said in the explanation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from reviews.policy.schema import Case, Comparison, Factor, Levels, Policy

TRUE_WORDS = frozenset({"true", "yes", "y", "on", "1"})
SHOWN_CHARS = 40
NUMBER_CHARS = 64
AMOUNT = re.compile(
    r"^[^\d+\-.]{0,4}([+-]?(?:\d{1,3}(?:,\d{3})+|\d*)(?:\.\d*)?(?:[eE][+-]?\d{1,6})?)\s?(?:[A-Z]{3}|usd|eur|gbp|chf|[^\w\s])?$"
)
"""A number, perhaps with thousands separators and a currency before or after it: `$12,000.50`, `1e5`, `900 EUR`.

What looks like a multiplier (`20k`, `5M`) is no number here: it is said not to have been counted, never read too small.
"""


@dataclass(frozen=True)
class Found:
    """A factor that applied: its weight (0 to 1) and what was seen, in words."""

    name: str
    weight: Decimal
    detail: str


@dataclass(frozen=True)
class Risk:
    """The risk of a request: low, medium, high or critical, a score from 0 to 1, and the reasons."""

    level: str
    score: Decimal
    factors: tuple[Found, ...]
    explanation: str


def assess(policy: Policy, *, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Risk:
    """Adds up the factors that apply. Never raises, whatever the values are."""
    found: list[Found] = []
    unread: list[str] = []
    for factor in policy.factors:
        value = look_up(factor.field, arguments, context)
        if value is None:
            continue
        match = next((case for case in factor.cases if holds(case, value)), None)
        if match is not None:
            found.append(Found(factor.name, match.weight, describe(factor, match, value)))
        elif any(case.comparison is Comparison.OVER for case in factor.cases) and as_number(value) is None:
            unread.append(f"{factor.name} {shown(value)} is not a number and was not counted")
    score = min(sum((factor.weight for factor in found), Decimal(0)), Decimal(1))
    level = level_of(score, policy.levels)
    return Risk(level, score, tuple(found), explain(level, score, found, unread))


def look_up(field: str, arguments: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
    """The field of the arguments, else of the context; null counts as absent."""
    value = arguments.get(field)
    return context.get(field) if value is None else value


def level_of(score: Decimal, levels: Levels) -> str:
    """The name of the level that a score falls into."""
    if score >= levels.critical:
        return "critical"
    if score >= levels.high:
        return "high"
    return "medium" if score >= levels.medium else "low"


def holds(case: Case, value: Any) -> bool:
    """Whether a value is what the case looks for."""
    if case.comparison is Comparison.OVER:
        number = as_number(value)
        return number is not None and isinstance(case.operand, Decimal) and number > case.operand
    if case.comparison is Comparison.IS_TRUE:
        return is_true(value)
    return isinstance(value, str) and value.strip().casefold() == str(case.operand).casefold()


def as_number(value: Any) -> Decimal | None:
    """The value as a decimal; None when it is not one. Booleans and NaN are not numbers; infinity is."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, float | Decimal):
        number = Decimal(value)
        return None if number.is_nan() else number
    if isinstance(value, str) and len(value) <= NUMBER_CHARS:
        match = AMOUNT.match(value.strip())
        try:
            return Decimal(match.group(1).replace(",", "")) if match else None
        except InvalidOperation:
            return None
    return None


def is_true(value: Any) -> bool:
    """True for true, for a number other than 0 and for words such as `yes`."""
    if isinstance(value, str):
        return value.strip().casefold() in TRUE_WORDS
    if isinstance(value, bool | int):
        return bool(value)
    number = as_number(value) if isinstance(value, float | Decimal) else None
    return number is not None and number != 0


def describe(factor: Factor, case: Case, value: Any) -> str:
    """What was seen, such as `amount 12,000 is over 10,000`."""
    if case.comparison is Comparison.OVER:
        return f"{factor.name} {shown(value)} is over {case.operand:,}"
    return f"{factor.name} is {shown(value) if case.comparison is Comparison.EQUALS else 'true'}"


def explain(level: str, score: Decimal, found: list[Found], unread: list[str]) -> str:
    """One or two sentences for the reviewer."""
    if found:
        reasons = "; ".join(f"{factor.detail} (+{factor.weight})" for factor in found)
        sentence = f"{level.capitalize()} risk, score {score:.2f}: {reasons}."
    else:
        sentence = f"{level.capitalize()} risk, score {score:.2f}: none of the policy's risk factors applies."
    return " ".join([sentence, *(f"{text[0].upper()}{text[1:]}." for text in unread)])


def shown(value: Any) -> str:
    """A value for a sentence: short, and cheap to print however large it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) < 10**18 else "above 10^18" if value > 0 else "below -10^18"
    if isinstance(value, float):
        return f"{value:,.2f}".removesuffix(".00") if abs(value) < 1e18 else str(value)
    if isinstance(value, str):
        text = " ".join(value.split())
        return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"
    return str(value) if isinstance(value, Decimal) else f"of type {type(value).__name__}"
