"""Layout of a trace: its spans as rows in reading order, bars as shares of the whole, self time and critical path.

Pure functions over the few columns that they need. Real traces are untidy, and every rule here is for one of them: a
parent that never came makes its child a root; ids that form a circle are cut where it closes; clocks of two
machines put a child before its parent.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# A bar is at least this wide (percent of the chart), so that a step of a microsecond can still be seen and clicked.
NARROWEST_BAR = 0.25
SLOW_SHARE = 0.3
INDENT_PIXELS = 14
DEEPEST_INDENT = 16


@dataclass(frozen=True, slots=True)
class Step:
    """What the layout needs to know of one span. Times in nanoseconds."""

    id: str
    parent: str
    start_ns: int
    duration_ns: int

    @property
    def end_ns(self) -> int:
        return self.start_ns + self.duration_ns


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `left` and `width` are percent of the trace; `self_ns` is the time that no child covers."""

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
    start = min(step.start_ns for step in steps)
    total = max(max(step.end_ns for step in steps) - start, 1)
    by_id = {step.id: step for step in steps}
    children = _children(by_id)
    order = _reading_order(children)
    sizes = _subtree_sizes(order, children)
    critical = _critical_path(children)
    rows = []
    for step, depth, position, siblings in order:
        own = _self_time(step, children[step.id])
        rows.append(
            Row(
                id=step.id,
                depth=depth,
                left=round(min((step.start_ns - start) / total * 100, 100 - NARROWEST_BAR), 3),
                width=round(max(min(step.duration_ns / total, 1.0) * 100, NARROWEST_BAR), 3),
                offset_ns=step.start_ns - start,
                self_ns=own,
                children=len(children[step.id]),
                descendants=sizes[step.id] - 1,
                position=position,
                siblings=siblings,
                critical=step.id in critical,
                orphan=bool(step.parent) and depth == 0,
                slow=own / total >= SLOW_SHARE and len(steps) > 1,
            )
        )
    return Waterfall(rows=rows, start_ns=start, duration_ns=total)


def _children(by_id: dict[str, Step]) -> dict[str, list[Step]]:
    """Children by parent id, roots under "". A span whose ancestors lead back to itself becomes a root."""
    children: dict[str, list[Step]] = defaultdict(list)
    grounded: set[str] = set()
    for step in by_id.values():
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
        siblings.sort(key=lambda step: (step.start_ns, -step.duration_ns, step.id))
    return children


def _reading_order(children: dict[str, list[Step]]) -> list[tuple[Step, int, int, int]]:
    """(span, depth, its place among its siblings from 1, number of siblings), depth first and without recursion."""
    order: list[tuple[Step, int, int, int]] = []
    stack = _entries(children[""], 0)
    while stack:
        entry = stack.pop()
        order.append(entry)
        stack.extend(_entries(children[entry[0].id], entry[1] + 1))
    return order


def _entries(siblings: Sequence[Step], depth: int) -> list[tuple[Step, int, int, int]]:
    count = len(siblings)
    return [(step, depth, index, count) for index, step in reversed(list(enumerate(siblings, start=1)))]


def _subtree_sizes(order: Iterable[tuple[Step, int, int, int]], children: dict[str, list[Step]]) -> dict[str, int]:
    """How many rows each span heads, itself included."""
    sizes: dict[str, int] = {}
    for step, _depth, _position, _siblings in reversed(list(order)):
        sizes[step.id] = 1 + sum(sizes[child.id] for child in children[step.id])
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


def _critical_path(children: dict[str, list[Step]]) -> set[str]:
    """The spans whose delay would delay the end of the trace.

    The rule for fork and join: from the end of a span backwards, the child that finished last held it up; before that
    child began, the same question is asked of those that had finished by then.
    """
    roots = children[""]
    if not roots:
        return set()
    critical: set[str] = set()
    stack = [max(roots, key=lambda step: (step.end_ns, step.duration_ns))]
    while stack:
        step = stack.pop()
        critical.add(step.id)
        moment = step.end_ns
        for child in sorted(children[step.id], key=lambda item: (item.end_ns, item.start_ns), reverse=True):
            # A child that outlives its parent (other clock, fire and forget) counts up to the parent's end.
            if min(child.end_ns, step.end_ns) > moment or child.start_ns >= moment:
                continue
            stack.append(child)
            moment = child.start_ns
    return critical
