"""Lengths of time as people write them in rules: `45s`, `15m`, `2h`, `1d`. Pure."""

from __future__ import annotations

import re

UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
SPAN = re.compile(r"(\d{1,7})\s*([smhd])")


def spelt(seconds: int) -> str:
    """The length in the largest unit that is exact."""
    unit, size = next((unit, size) for unit, size in UNITS.items() if seconds % size == 0)
    return f"{seconds // size}{unit}"


def seconds_of(text: str) -> int:
    """The length in seconds. Raises ValueError when it is not spelt as above."""
    found = SPAN.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(text)
    return int(found.group(1)) * UNITS[found.group(2)]
