"""What the analytics page and its API can be asked, read from an address. Pure: the clock is an argument."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from metrics.ranges import ParameterError, TimeRange, page_range

DIMENSIONS = ("action", "agent", "team", "reviewer")
DEFAULT_RANGE = "7d"
DEFAULT_TARGET = 60
LONGEST_TARGET = 7 * 86_400
DEFAULT_SHARE = 80


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A range, what to tell apart, and the aim of staffing: `share` percent wait at most `target` seconds."""

    range: TimeRange
    by: str
    target: int
    share: int


def read(parameters: Mapping[str, str], *, tz: tzinfo, now: datetime) -> Asked:
    """Raises ParameterError naming what cannot be used."""
    by = parameters.get("by") or DIMENSIONS[0]
    if by not in DIMENSIONS:
        raise ParameterError("by", f"by must be one of {', '.join(DIMENSIONS)}.")
    return Asked(
        range=page_range(parameters, tz=tz, now=now, default=DEFAULT_RANGE),
        by=by,
        target=_whole(parameters, "target", DEFAULT_TARGET, most=LONGEST_TARGET),
        share=_whole(parameters, "share", DEFAULT_SHARE, most=99),
    )


def _whole(parameters: Mapping[str, str], name: str, default: int, *, most: int) -> int:
    text = parameters.get(name) or str(default)
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= most):
        raise ParameterError(name, f"{name} must be a whole number from 1 to {most}.")
    return int(text)
