"""What changed between two JSON values, place by place. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from console.lib.unseen import visible_json

Path = tuple[str | int, ...]

DEPTH_MAX = 40
"""Deeper than this, a change is told as one change of the whole part."""


@dataclass(frozen=True)
class Change:
    """One place that differs. `before` means nothing of what was added, `after` nothing of what was removed."""

    path: Path
    kind: Literal["added", "removed", "changed"]
    before: Any = None
    after: Any = None

    @property
    def place(self) -> str:
        """The path as people write it: `lines[0].amount`."""
        return dotted(self.path)

    @property
    def pointer(self) -> str:
        """The path as a JSON Pointer (RFC 6901): `/lines/0/amount`."""
        return pointer(self.path)

    @property
    def before_text(self) -> str:
        """What was there, as JSON."""
        return visible_json(json.dumps(self.before, ensure_ascii=False))

    @property
    def after_text(self) -> str:
        """What is there now, as JSON."""
        return visible_json(json.dumps(self.after, ensure_ascii=False))


def changes(before: Any, after: Any) -> list[Change]:
    """Every place in which two JSON values differ, in the order of `before`, then what was added.

    1, 1.0 and true are different values; the order of an object's keys means nothing.
    """
    return list(_changes(before, after, ()))


def dotted(path: Path) -> str:
    """`("lines", 0, "amount")` as `lines[0].amount`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def pointer(path: Path) -> str:
    """`("lines", 0, "a/b")` as `/lines/0/a~1b`."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def same(left: Any, right: Any) -> bool:
    """Whether two values are the same JSON."""
    return canonical(left) == canonical(right)


def canonical(value: Any) -> str:
    """One text for every way of writing the same JSON value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _changes(before: Any, after: Any, path: Path) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict) and len(path) < DEPTH_MAX:
        yield from _of_objects(before, after, path)
    elif isinstance(before, list) and isinstance(after, list) and len(path) < DEPTH_MAX:
        yield from _of_lists(before, after, path)
    elif not same(before, after):
        yield Change(path, "changed", before, after)


def _of_objects(before: dict[str, Any], after: dict[str, Any], path: Path) -> Iterator[Change]:
    for key, value in before.items():
        if key in after:
            yield from _changes(value, after[key], (*path, key))
        else:
            yield Change((*path, key), "removed", before=value)
    for key, value in after.items():
        if key not in before:
            yield Change((*path, key), "added", after=value)


def _of_lists(before: list[Any], after: list[Any], path: Path) -> Iterator[Change]:
    """Compares by place between the parts that are equal at both ends, so that one insertion is one change."""
    head = _equal_run(before, after)
    tail = _equal_run(before[head:][::-1], after[head:][::-1])
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    for offset, (left, right) in enumerate(zip(old, new, strict=False)):
        yield from _changes(left, right, (*path, head + offset))
    for offset in range(len(new), len(old)):
        yield Change((*path, head + offset), "removed", before=old[offset])
    for offset in range(len(old), len(new)):
        yield Change((*path, head + offset), "added", after=new[offset])


def _equal_run(left: list[Any], right: list[Any]) -> int:
    count = 0
    for one, other in zip(left, right, strict=False):
        if not same(one, other):
            break
        count += 1
    return count
