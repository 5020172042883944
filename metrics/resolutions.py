"""The resolutions of rollups, and which of them answer for which part of a range. Pure.

Minutes are what ingest writes. A period of a longer resolution has rows of its own once it is compacted, and those are
right as long as it is not marked stale; everything else is answered by the next finer resolution, in the end by
minutes. Periods begin at multiples of their length since 1970 (UTC). Times are whole seconds since 1970.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

MINUTE = 60
# From fine to coarse; each length divides the next one.
COMPACTED = (900, 3_600, 86_400)
TIERS = (MINUTE, *COMPACTED)
# Stands for the spend of a day where stale periods are marked.
SPEND = 0
DAY = 86_400


class Segment(NamedTuple):
    """A part of a range and the resolution that answers for it: rows of `seconds` with `start` <= start < `end`."""

    seconds: int
    start: int
    end: int


class State(NamedTuple):
    """What is compacted: `until` by resolution, and the starts of stale periods by resolution."""

    until: Mapping[int, int]
    stale: Mapping[int, Collection[int]]


def segments(start: int, end: int, *, grid: int, origin: int, state: State, finest: int = MINUTE) -> list[Segment]:
    """The parts that cover `start` to `end` exactly, for bins of `grid` seconds that begin at `origin`.

    A resolution fits when its length divides the bins and its periods begin where bins do. `start` and `end` lie on
    minutes. Neighbours of the same resolution are one part.
    """
    fitting = [one for one in COMPACTED if grid % one == 0 and origin % one == 0]
    found: list[Segment] = []
    for part in _cover(start, end, fitting, state, finest):
        last = found[-1] if found else None
        if last and last.seconds == part.seconds and last.end == part.start:
            found[-1] = Segment(part.seconds, last.start, part.end)
        else:
            found.append(part)
    return found


def _cover(start: int, end: int, fitting: list[int], state: State, finest: int) -> Iterator[Segment]:
    """Parts in order of time, the coarsest resolution of `fitting` first and finer ones for what it leaves."""
    if start >= end:
        return
    if not fitting:
        yield Segment(finest, start, end)
        return
    *finer, seconds = fitting
    first = -(-start // seconds) * seconds
    last = min(end, state.until.get(seconds, 0)) // seconds * seconds
    if first >= last:
        yield from _cover(start, end, finer, state, finest)
        return
    reached = first
    yield from _cover(start, first, finer, state, finest)
    for period in sorted(one for one in state.stale.get(seconds, ()) if first <= one < last):
        if reached < period:
            yield Segment(seconds, reached, period)
        yield from _cover(period, period + seconds, finer, state, finest)
        reached = period + seconds
    if reached < last:
        yield Segment(seconds, reached, last)
    yield from _cover(last, end, finer, state, finest)
