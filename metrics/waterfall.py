"""Layout of a trace: its spans as rows in reading order, bars as shares of the whole, self time and critical path.

Pure functions over the few columns that they need. Real traces are untidy, and every rule here is for one of them: a
parent that never came makes its child a root; ids that form a circle are cut where it closes; clocks of two
machines put a child before its parent.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

# A bar is at least this wide (percent of the chart), so that a step of a microsecond can still be seen and clicked.
NARROWEST_BAR = 0.25
# Slow is what takes this share of the trace by itself, at most so many spans of one trace.
SLOW_SHARE = 0.2
MOST_SLOW = 5
INDENT_PIXELS = 14
DEEPEST_INDENT = 8


class Step(NamedTuple):
    """What the layout needs to know of one span. Times in nanoseconds."""

    id: str
    parent: str
    start_ns: int
    duration_ns: int

    @property
    def end_ns(self) -> int:
        return self.start_ns + self.duration_ns


class Row(NamedTuple):
    """One line. `left` and `width` are percent of the trace; `self_ns` is the time that no child covers.

    `critical_ns` is the part of the critical path that this span itself is on: those of all rows add up to the path.
    """

    id: str
    depth: int
    left: float
    width: float
    offset_ns: int
    self_ns: int
    children: int
    descendants: int
    position: int
    siblings: int
    critical: bool
    critical_ns: int
    orphan: bool
    slow: bool

    @property
    def indent(self) -> int:
        """Pixels before the name; very deep trees stop moving to the right."""
        return INDENT_PIXELS * min(self.depth, DEEPEST_INDENT)

    @property
    def x(self) -> str:
        """The bar's left edge for SVG, in the same form in every language."""
        return f"{self.left:.3f}%"

    @property
    def bar(self) -> str:
        """The bar's width for SVG."""
        return f"{self.width:.3f}%"


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Rows in reading order, and the bounds of the trace in nanoseconds."""

    rows: list[Row]
    start_ns: int
    duration_ns: int

    @property
    def deepest(self) -> int:
        return max((row.depth for row in self.rows), default=0)


def lay_out(steps: Sequence[Step]) -> Waterfall:
    """Rows of the tree, depth first, siblings by start time. Accepts any parents: missing, circular, starting late."""
    if not steps:
        return Waterfall(rows=[], start_ns=0, duration_ns=0)
    start = min([step.start_ns for step in steps])
    total = max(max([step.start_ns + step.duration_ns for step in steps]) - start, 1)
    by_id = {step.id: step for step in steps}
    children = _children(by_id)
    order = _reading_order(children)
    sizes = _subtree_sizes(order, children)
    critical = _critical_path(children)
    selves = {
        step.id: _self_time(step, children[step.id]) if step.id in children else step.duration_ns for step in steps
    }
    slow = _slow(selves, total) if len(steps) > 1 else set()
    nothing: list[Step] = []
    rows = [
        Row(
            id=step.id,
            depth=depth,
            left=round(min((step.start_ns - start) / total * 100, 100 - NARROWEST_BAR), 3),
            width=round(max(min(step.duration_ns / total, 1.0) * 100, NARROWEST_BAR), 3),
            offset_ns=step.start_ns - start,
            self_ns=selves[step.id],
            children=len(children.get(step.id, nothing)),
            descendants=sizes[step.id] - 1,
            position=position,
            siblings=siblings,
            critical=step.id in critical,
            critical_ns=critical.get(step.id, 0),
            orphan=depth == 0 and step.parent != "",
            slow=step.id in slow,
        )
        for step, depth, position, siblings in order
    ]
    return Waterfall(rows=rows, start_ns=start, duration_ns=total)


def _children(by_id: dict[str, Step]) -> dict[str, list[Step]]:
    """Children by parent id, roots under "". A span whose ancestors lead back to itself becomes a root."""
    children: dict[str, list[Step]] = defaultdict(list)
    grounded: set[str] = set()
    for step in by_id.values():
        if step.parent in grounded and step.id not in grounded:
            # The parent came first and is no part of a circle: nearly always so.
            grounded.add(step.id)
            children[step.parent].append(step)
            continue
        trail: list[str] = []
        seen: set[str] = set()
        current = step
        while current.id not in grounded and current.id not in seen:
            seen.add(current.id)
            trail.append(current.id)
            if current.parent not in by_id or current.parent == current.id:
                break
            current = by_id[current.parent]
        closes_circle = current.id in seen and current.id not in grounded and current.parent in by_id
        for name in trail:
            grounded.add(name)
            parent = by_id[name].parent
            cut = parent not in by_id or parent == name or (closes_circle and name == current.id)
            children["" if cut else parent].append(by_id[name])
    for siblings in children.values():
        if len(siblings) == 1:
            continue
        siblings.sort(key=lambda step: (step.start_ns, -step.duration_ns, step.id))
    return children


def _reading_order(children: dict[str, list[Step]]) -> list[tuple[Step, int, int, int]]:
    """(span, depth, its place among its siblings from 1, number of siblings), depth first and without recursion."""
    order: list[tuple[Step, int, int, int]] = []
    stack = _entries(children[""], 0)
    while stack:
        entry = stack.pop()
        order.append(entry)
        if below := children.get(entry[0].id):
            stack.extend(_entries(below, entry[1] + 1))
    return order


def _entries(siblings: Sequence[Step], depth: int) -> list[tuple[Step, int, int, int]]:
    count = len(siblings)
    return [(step, depth, index, count) for index, step in reversed(list(enumerate(siblings, start=1)))]


def _subtree_sizes(order: Iterable[tuple[Step, int, int, int]], children: dict[str, list[Step]]) -> dict[str, int]:
    """How many rows each span heads, itself included."""
    sizes: dict[str, int] = {}
    for step, _depth, _position, _siblings in reversed(list(order)):
        below = children.get(step.id)
        sizes[step.id] = 1 + sum([sizes[child.id] for child in below]) if below else 1
    return sizes


def _self_time(step: Step, children: Sequence[Step]) -> int:
    """Nanoseconds of the span that none of its children (sorted by start) covers."""
    covered = 0
    reached = step.start_ns
    for child in children:
        begin = max(child.start_ns, reached)
        end = min(child.end_ns, step.end_ns)
        if end > begin:
            covered += end - begin
            reached = end
    return step.duration_ns - covered


def _slow(selves: dict[str, int], total: int) -> set[str]:
    """The spans that take longest by themselves, as far as they take a notable share of the trace."""
    longest = sorted(selves, key=lambda name: selves[name], reverse=True)[:MOST_SLOW]
    return {name for name in longest if selves[name] >= total * SLOW_SHARE}


def _critical_path(children: dict[str, list[Step]]) -> dict[str, int]:
    """The spans whose delay would delay the end of the trace, and how long the path runs through each itself (ns).

    The rule for fork and join: from the end of a span backwards, the child that finished last held it up; before that
    child began, the same question is asked of those that had finished by then.
    """
    roots = children[""]
    if not roots:
        return {}
    critical: dict[str, int] = {}
    last = max(roots, key=lambda step: (step.end_ns, step.duration_ns))
    stack = [(last, last.start_ns, last.end_ns)]
    while stack:
        step, since, until = stack.pop()
        below = children.get(step.id)
        if not below:
            critical[step.id] = until - since
            continue
        own = 0
        moment = until
        for child in sorted(below, key=lambda item: (item.end_ns, item.start_ns), reverse=True):
            # A child that outlives its parent (other clock, fire and forget) counts up to the parent's end.
            end, begin = min(child.end_ns, until), max(child.start_ns, since)
            if end > moment or child.start_ns >= moment or end < since:
                continue
            own += moment - end
            stack.append((child, begin, end))
            moment = begin
        critical[step.id] = own + moment - since
    return critical
