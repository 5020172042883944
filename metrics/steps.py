"""Which step takes longest: the time of a trace by the name of its spans. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from metrics.waterfall import Row


@dataclass(slots=True)
class NameTime:
    """The spans of one name and kind. Times in nanoseconds.

    `total_ns` adds up the spans, those inside another one of the same name left out; `self_ns` is what no child covers;
    `critical_ns` is what they add to the critical path.
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


def by_name(rows: Iterable[tuple[Row, str, str, str, int]], *, most: int) -> list[NameTime]:
    """The `most` names with the most time of their own, longest first.

    Takes (row, name, kind, status, duration in ns) of every span in reading order.
    """
    found: dict[tuple[str, str], NameTime] = {}
    above: list[tuple[str, str]] = []
    within: Counter[tuple[str, str]] = Counter()
    for row, name, kind, status, duration_ns in rows:
        key = (name, kind)
        within.subtract(above[row.depth :])
        del above[row.depth :]
        entry = found.get(key)
        if entry is None:
            entry = found[key] = NameTime(name, kind)
        entry.count += 1
        entry.errors += status == "error"
        entry.self_ns += row.self_ns
        entry.critical_ns += row.critical_ns
        if not within[key]:
            entry.total_ns += duration_ns
        if row.self_ns > entry.longest_ns:
            entry.longest_ns, entry.longest_id = row.self_ns, row.id
        above.append(key)
        within[key] += 1
    path = sum(entry.critical_ns for entry in found.values())
    for entry in found.values():
        entry.critical_share = entry.critical_ns / path if path else 0.0
    return sorted(found.values(), key=lambda entry: (-entry.self_ns, entry.name))[:most]
