"""Values that agents sent, as conditions can use them.

Pure. A number may arrive as text, null, a boolean, NaN or with four thousand digits; whatever cannot be read counts as
not there, but it is said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

TRUE_WORDS = frozenset({"true", "yes", "y", "on", "1"})
SHOWN_CHARS = 40
NUMBER_CHARS = 64
INTEGER_MAX = 2**63 - 1
"""Whole numbers of CEL have 64 bits; larger ones are compared as floating point."""

AMOUNT = re.compile(
    r"^[^\d+\-.]{0,4}([+-]?(?:\d{1,3}(?:,\d{3})+|\d*)(?:\.\d*)?(?:[eE][+-]?\d{1,6})?)\s?(?:[A-Z]{3}|usd|eur|gbp|chf|[^\w\s])?$"
)
"""A number, perhaps with thousands separators and a currency before or after it: `$12,000.50`, `1e5`, `900 EUR`.

What looks like a multiplier (`20k`, `5M`) is no number here: it is said not to have been counted, never read too small.
"""


class Values:
    """Converts facts for CEL, and keeps count: of values, of entries of the longest list, of characters."""

    def __init__(self) -> None:
        self.count = 0
        self.longest = 0
        self.chars = 0

    def converted(self, value: Any) -> Any:
        """The value with numbers as CEL can hold them."""
        self.count += 1
        # The most frequent first: asking whether something is a Mapping takes as long as all else here.
        if isinstance(value, str):
            self.chars += len(value)
            return value
        if value is None or isinstance(value, bool | float | datetime):
            return value
        if isinstance(value, int) and -INTEGER_MAX <= value <= INTEGER_MAX:
            return value
        if isinstance(value, Mapping):
            self.longest = max(self.longest, len(value))
            names = {str(name): self.converted(entry) for name, entry in value.items()}
            self.chars += sum(map(len, names))
            return names
        if isinstance(value, list | tuple):
            self.longest = max(self.longest, len(value))
            return [self.converted(entry) for entry in value]
        try:
            return float(value)
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")


def field_of(facts: Mapping[str, Any], field: str) -> Any:
    """A field of the arguments, else of the context; null counts as absent."""
    value = facts.get("args", {}).get(field)
    return facts.get("context", {}).get(field) if value is None else value


def over(field: str, value: Any, limit: float) -> tuple[bool | None, str]:
    """Whether a value is a number over a limit, and what was seen. None: it is there, but it is no number."""
    if value is None:
        return False, ""
    number = as_number(value)
    if number is None:
        return None, f"{named(field)} {shown(value)} is not a number and was not counted"
    if number > Decimal(limit):
        return True, f"{named(field)} {shown(value)} is over {shown(limit)}"
    return False, ""


def truth(field: str, value: Any) -> tuple[bool, str]:
    """Whether a value says yes, and what was seen; nothing where it does not."""
    holds = is_true(value)
    return holds, f"{named(field)} is true" if holds else ""


def word(field: str, value: Any) -> tuple[str, str]:
    """A text without surrounding space and in lower case, empty when it is no text; and what was seen."""
    text = value.strip().casefold() if isinstance(value, str) else ""
    return text, f"{named(field)} is {shown(text)}" if text else ""


def named(field: str) -> str:
    """The name of a field for a sentence."""
    return shown(field.replace("_", " "))


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
    return "null" if value is None else str(value) if isinstance(value, Decimal) else f"of type {type(value).__name__}"
