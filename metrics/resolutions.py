"""The resolutions of rollups, and which of them answer for which part of a range. Pure.

Minutes are what ingest writes. A period of a longer resolution has rows of its own once it is compacted, and those are
right as long as it is not marked stale; everything else is answered by the next finer resolution, in the end by
minutes. Periods begin at multiples of their length since 1970 (UTC). Times are whole seconds since 1970.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

MINUTE = 60
QUARTER = 900
HOUR = 3_600
DAY = 86_400
# From fine to coarse; each length divides the next one.
COMPACTED = (QUARTER, HOUR, DAY)
# Stands for the spend of a day where stale periods are marked.
SPEND = 0
# What the values of a dimension count under that are too many to be told apart.
OTHER = "other"


class Segment(NamedTuple):
    """A part of a range and the resolution that answers for it: rows of `seconds` with `start` <= start < `end`."""

    seconds: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class State:
    """What is compacted: until when, and which periods before that are stale (their starts), by resolution."""

    until: Mapping[int, int] = field(default_factory=dict)
    stale: Mapping[int, Collection[int]] = field(default_factory=dict)


def segments(edges: Sequence[int], state: State, tiers: Sequence[int] = COMPACTED) -> list[Segment]:
    """The parts that cover the bins between `edges` exactly, each as coarse as `tiers`, the bins and `state` allow.

    A resolution fits when no bin ends within one of its periods; the first and the last edge may, as long as they are
    whole minutes. Neighbours of the same resolution are one part.
    """
    fitting = [one for one in tiers if not any(edge % one for edge in edges[1:-1])]
    found: list[Segment] = []
    for part in _cover(edges[0], edges[-1], fitting, state):
        last = found[-1] if found else None
        if last and last.seconds == part.seconds:
            found[-1] = Segment(part.seconds, last.start, part.end)
        else:
            found.append(part)
    return found


def seconds_at(parts: Sequence[Segment], moment: datetime) -> int:
    """The resolution that answers for a moment in one of the parts."""
    second = moment.timestamp()
    return next(part.seconds for part in parts if part.start <= second < part.end)


def _cover(start: int, end: int, fitting: Sequence[int], state: State) -> Iterator[Segment]:
    """Parts in order of time and without gaps: the coarsest resolution where it can, finer ones around it."""
    if start >= end:
        return
    if not fitting:
        yield Segment(MINUTE, start, end)
        return
    *finer, seconds = fitting
    first = -(-start // seconds) * seconds
    last = min(end, state.until.get(seconds, 0)) // seconds * seconds
    if first >= last:
        yield from _cover(start, end, finer, state)
        return
    yield from _cover(start, first, finer, state)
    reached = first
    for period in sorted(one for one in state.stale.get(seconds, ()) if first <= one < last):
        if reached < period:
            yield Segment(seconds, reached, period)
        yield from _cover(period, period + seconds, finer, state)
        reached = period + seconds
    if reached < last:
        yield Segment(seconds, reached, last)
    yield from _cover(last, end, finer, state)
