"""Takes what has changed in the policy over into a draft that was begun before. Pure.

Rules are the same rule where they have the same name. What only one side changed is taken from that side; where both
did, and differently, somebody has to choose: `merge` never guesses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from reviews.policy.schema import Factor, Levels, Policy, Rule

T = TypeVar("T")


class Side(StrEnum):
    """Whose of two changes is taken."""

    DRAFT = "draft"
    VERSION = "version"


@dataclass(frozen=True)
class Conflict:
    """Something that both sides changed. `sort` is rule, order, factors or levels; None is a rule that one removed."""

    sort: str
    name: str
    draft: Rule | Sequence[str] | Sequence[Factor] | Levels | None
    version: Rule | Sequence[str] | Sequence[Factor] | Levels | None

    @property
    def key(self) -> str:
        """What a choice is kept under."""
        return f"{self.sort}:{self.name}"


@dataclass(frozen=True)
class Merged:
    """The draft on the other version, and everything that both sides changed; the policy is good once all is chosen."""

    policy: Policy
    conflicts: tuple[Conflict, ...]


def merge(base: Policy, draft: Policy, version: Policy, choices: Mapping[str, Side] | None = None) -> Merged:
    """What `draft`, which was begun from `base`, is on `version`. Where nothing is chosen yet it has the version's."""
    merging = _Merging(choices or {}, [])
    old, mine, theirs = ({rule.name: rule for rule in one.rules} for one in (base, draft, version))
    kept: dict[str, Rule] = {}
    for name in dict.fromkeys([*theirs, *mine]):
        rule = merging.one("rule", name, old.get(name), mine.get(name), theirs.get(name))
        if rule is not None:
            kept[name] = rule
    rules = tuple(kept[name] for name in _order(merging, list(old), list(mine), list(theirs), kept))
    factors = merging.one("factors", "", base.factors, draft.factors, version.factors)
    levels = merging.one("levels", "", base.levels, draft.levels, version.levels)
    return Merged(Policy(rules, factors, levels), tuple(merging.conflicts))


@dataclass(frozen=True)
class _Merging:
    choices: Mapping[str, Side]
    conflicts: list[Conflict]

    def one(self, sort: str, name: str, base: T, draft: T, version: T) -> T:
        """One thing: as the side has it that changed it, else as was chosen."""
        if version in (base, draft):
            return draft
        if draft == base:
            return version
        conflict = Conflict(sort, name, draft, version)  # type: ignore[arg-type]
        self.conflicts.append(conflict)
        return draft if self.choices.get(conflict.key) is Side.DRAFT else version


def _order(
    merging: _Merging, base: list[str], draft: list[str], version: list[str], kept: Mapping[str, Rule]
) -> list[str]:
    """The names that are kept, in the order of the side that changed it; new ones of the other where they stood."""
    shared = set(base) & set(draft) & set(version)
    first = merging.one("order", "", *(tuple(name for name in one if name in shared) for one in (base, draft, version)))
    mine_first = first == tuple(name for name in draft if name in shared)
    leading, other = (draft, version) if mine_first else (version, draft)
    found = [name for name in leading if name in kept]
    for place, name in enumerate(other):
        if name in kept and name not in found:
            before = next((one for one in reversed(other[:place]) if one in found), None)
            found.insert(found.index(before) + 1 if before is not None else 0, name)
    return found
