"""Values of query parameters, read and checked.

Every function raises `metrics.ranges.ParameterError` naming the parameter that cannot be used.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from metrics.ranges import ParameterError
from metrics.times import MAX_NS

LONGEST_VALUE = 500


def one_of(parameters: Mapping[str, str], name: str, allowed: tuple[str, ...], default: str | None = None) -> str:
    """One of some words; the default when nothing is given, without one something must be."""
    value = parameters.get(name, "")
    if not value and default is not None:
        return default
    if value not in allowed:
        raise ParameterError(name, f"{name} must be one of {', '.join(allowed)}.")
    return value


def text(parameters: Mapping[str, str], names: tuple[str, ...]) -> str:
    """The first of these parameters that says something, without spaces around it."""
    for name in names:
        value = parameters.get(name, "").strip()
        if len(value) > LONGEST_VALUE or "\x00" in value:
            raise ParameterError(name, f"{name} must be at most {LONGEST_VALUE} characters of text.")
        if value:
            return value
    return ""


def switch(parameters: Mapping[str, str], name: str) -> bool:
    """On or off; off when nothing is given."""
    value = parameters.get(name, "").lower()
    if value not in {"", "0", "1", "true", "false", "on"}:
        raise ParameterError(name, f"{name} must be true or false.")
    return value in {"1", "true", "on"}


def scaled(parameters: Mapping[str, str], name: str, scale: int) -> int:
    """A number that is not negative, in whole units of 1/scale."""
    given = parameters.get(name, "").strip()
    if not given:
        return 0
    try:
        number = Decimal(given[:40])
    except InvalidOperation:
        number = Decimal(-1)
    if not number.is_finite() or number < 0 or number * scale > MAX_NS:
        raise ParameterError(name, f"{name} must be a number from 0 up.")
    return int(number * scale)
