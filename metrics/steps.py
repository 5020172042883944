"""Which step takes longest: the time of a trace by the name of its spans. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from metrics.waterfall import Row

Interval = tuple[int, int]


@dataclass(slots=True)
class NameTime:
    """The spans of one name and kind. Times in nanoseconds, and of what runs side by side each moment counts once.

    `total_ns` is how long any of them ran; `self_ns` is how long any of them ran while none of its children did, so
    never more; `critical_ns` is what they add to the critical path. `longest_id` has the most time of its own.
    """

    name: str
    kind: str
    count: int = 0
    errors: int = 0
    total_ns: int = 0
    self_ns: int = 0
    critical_ns: int = 0
    longest_id: str = ""
    longest_ns: int = -1
    critical_share: float = 0.0
    ran: list[Interval] = field(default_factory=list)
    alone: list[Interval] = field(default_factory=list)


@dataclass(slots=True)
class _Open:
    """A span whose children are being read: until when they have covered it."""

    entry: NameTime
    reached: int
    end: int


def by_name(rows: Iterable[tuple[Row, str, str, str, int]], *, most: int) -> list[NameTime]:
    """The `most` names with the most time of their own, longest first.

    Takes (row, name, kind, status, duration in ns) of every span in reading order.
    """
    found: dict[tuple[str, str], NameTime] = {}
    above: list[_Open] = []
    for row, name, kind, status, duration_ns in rows:
        _close(above, row.depth)
        entry = found.get((name, kind))
        if entry is None:
            entry = found[name, kind] = NameTime(name, kind)
        entry.count += 1
        entry.errors += status == "error"
        entry.critical_ns += row.critical_ns
        if row.self_ns > entry.longest_ns:
            entry.longest_ns, entry.longest_id = row.self_ns, row.id
        begin, end = row.offset_ns, row.offset_ns + duration_ns
        entry.ran.append((begin, end))
        if above:
            _cover(above[-1], begin, end)
        above.append(_Open(entry, begin, end))
    _close(above, 0)
    path = sum(entry.critical_ns for entry in found.values())
    for entry in found.values():
        entry.total_ns, entry.self_ns = _length(entry.ran), _length(entry.alone)
        entry.critical_share = entry.critical_ns / path if path else 0.0
    return sorted(found.values(), key=lambda entry: (-entry.self_ns, entry.name))[:most]


def _cover(parent: _Open, begin: int, end: int) -> None:
    """Notes that a child, no earlier one than those before it, runs: until it began the parent was alone."""
    begin = min(begin, parent.end)
    if begin > parent.reached:
        parent.entry.alone.append((parent.reached, begin))
    parent.reached = max(parent.reached, end)


def _close(above: list[_Open], depth: int) -> None:
    """Ends the spans that are not above a row of this depth."""
    for one in above[depth:]:
        if one.reached < one.end:
            one.entry.alone.append((one.reached, one.end))
    del above[depth:]


def _length(intervals: list[Interval]) -> int:
    """How long intervals last together, the parts where they overlap once."""
    intervals.sort()
    length = reached = 0
    for begin, end in intervals:
        if end > reached:
            length += end - max(begin, reached)
            reached = end
    return length
