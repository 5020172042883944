"""Similar requests that people decided alike, found as short rules. Pure: no ORM, no clock.

A rule is an action and up to three clauses over numbers (below or from a threshold) and over texts and yes-or-no values
(equal). It is searched for in the earlier part of the decisions, clause by clause, and has to hold in the later part,
which the search never looked at; both times it is the lower end of Wilson's interval that counts, not the share. What
each number means is written down in docs/decisions/024-back-tests-and-patterns.md.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from metrics.comparison import share

SUPPORT_MIN = 30
"""So many decisions a rule has to fit among those that are searched."""

LATER_MIN = 10
"""And so many among those that are not."""

SURE = 0.95
"""The lower end of the interval of the share that was decided this way, in what is searched."""

SURE_LATER = 0.8
"""The same in the rest, of which there is less."""

CLAUSES_MAX = 3
BEAM = 12
"""So many beginnings of a rule are followed."""

THRESHOLDS_MAX = 12
ROUND = frozenset(float(f"{digit}e{power}") for digit in (1, 2, 5) for power in range(-2, 7))
"""Where people draw lines."""

PATHS_MAX = 40
DEPTH_MAX = 3
VALUES_MAX = 12
"""A text field with more values than this is no category, and nothing of it ever gets into a rule."""

VALUE_MIN = 5
"""Nor does a value that fewer requests have."""

LEARNT = 0.7
"""The part of the decisions, the earlier one, that is searched."""

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,29}")
"""A category is one word: not a sentence, a name of a person with a space, an address or a number."""

RESERVED = frozenset({
    "as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop",
    "namespace", "null", "package", "return", "true", "var", "void", "while",
})  # fmt: skip

BELOW, FROM, IS = "below", "from", "is"
Value = float | int | str | bool
Mask = NDArray[np.bool_]
Clauses = tuple["Clause", ...]


@dataclass(frozen=True)
class Example:
    """A request that people decided: what could be read of it, and whether it was approved as it was proposed.

    `decided` is approve, reject, or something that is neither.
    """

    key: UUID
    action: str
    decided: str
    values: Mapping[str, Value]


@dataclass(frozen=True)
class Clause:
    """One condition: the value at `path` is there, and is `comparison` (below, from, is) `value`."""

    path: str
    comparison: str
    value: Value

    @property
    def place(self) -> tuple[str, str, str]:
        """Clauses are kept in this order, so that the same rule always reads the same."""
        return self.path, self.comparison, str(self.value)

    def fits(self, values: Mapping[str, Value]) -> bool:
        found = values.get(self.path)
        if found is None:
            return False
        if self.comparison == IS:
            return type(found) is type(self.value) and found == self.value
        if isinstance(found, bool | str) or isinstance(self.value, str):
            return False
        return found < self.value if self.comparison == BELOW else found >= self.value


@dataclass(frozen=True)
class Found:
    """A rule that holds. `later_...` are of the part that was not searched, and are in the others as well."""

    action: str
    verdict: str
    clauses: tuple[Clause, ...]
    matched: int
    agreeing: int
    later_matched: int
    later_agreeing: int
    exceptions: tuple[UUID, ...]


def values_of(arguments: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Value]:
    """What a rule can ask for: numbers, yes-or-no values and single words, by their paths."""
    found: dict[str, Value] = {}
    for root, values in (("args", arguments), ("context", context)):
        for path, value in _leaves(root, values, DEPTH_MAX):
            if len(found) >= PATHS_MAX:
                return found
            found[path] = value
    return found


def _leaves(path: str, values: Mapping[str, Any], depth: int) -> Iterator[tuple[str, Value]]:
    for name, value in values.items():
        if not NAME.fullmatch(name) or name in RESERVED:
            continue
        if isinstance(value, Mapping) and depth > 1:
            yield from _leaves(f"{path}.{name}", value, depth - 1)
        elif isinstance(value, bool | int | float) or (isinstance(value, str) and WORD.fullmatch(value)):
            yield f"{path}.{name}", value


def search(examples: Sequence[Example]) -> list[Found]:
    """At most one rule for each action and verdict, those with the most requests first. `examples` are oldest first."""
    by_action: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        by_action[example.action].append(example)
    groups = [_Group(group, verdict) for group in by_action.values() for verdict in ("approve", "reject")]
    found = [rule for group in groups if (rule := group.rule()) is not None]
    return sorted(found, key=lambda rule: (-rule.agreeing, rule.action, rule.verdict))


def condition_of(action: str, clauses: Iterable[Clause]) -> str:
    """The rule in the language of conditions. A field that is not there makes it not hold, never fail."""
    parts = [f"action == {_quoted(action)}"]
    for clause in clauses:
        names = clause.path.split(".")
        parts += [f"has({'.'.join(names[:length])})" for length in range(2, len(names) + 1)]
        parts.append(f"{clause.path} {_comparison(clause)}")
    return " && ".join(dict.fromkeys(parts))


def _comparison(clause: Clause) -> str:
    if isinstance(clause.value, bool):
        return f"== {str(clause.value).lower()}"
    if isinstance(clause.value, str):
        return f"== {_quoted(clause.value)}"
    return f"{'<' if clause.comparison == BELOW else '>='} {clause.value!r}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class _Group:
    """The decisions on one action, and the search for what they have in common where they are `verdict`."""

    def __init__(self, examples: Sequence[Example], verdict: str) -> None:
        self._examples, self._verdict = examples, verdict
        self._learnt = int(len(examples) * LEARNT)
        self._agree = np.array([one.decided == verdict for one in examples], dtype=bool)
        self._masks: dict[Clause, Mask] = {}

    def rule(self) -> Found | None:
        """The rule with the fewest clauses, among these the one with the most requests."""
        if self._learnt < SUPPORT_MIN or len(self._examples) - self._learnt < LATER_MIN:
            return None
        if int(self._agree[: self._learnt].sum()) < SUPPORT_MIN:
            return None
        self._masks = {offer: self._mask(offer) for offer in _offers(self._examples[: self._learnt])}
        beam: list[Clauses] = [()]
        for _length in range(CLAUSES_MAX + 1):
            scored = [(*self._scored(clauses), clauses) for clauses in beam]
            sure = sorted(
                (one for one in scored if one[0] >= SURE), key=lambda one: (-one[1], _width(one[2]), _places(one[2]))
            )
            rules = (self._confirmed(clauses) for _low, _agreeing, clauses in sure)
            rule = next((rule for rule in rules if rule is not None), None)
            if rule is not None:
                return rule
            kept = sorted(
                (one for one in scored if one[1] >= SUPPORT_MIN), key=lambda one: (-one[0], -one[1], _places(one[2]))
            )
            beam = self._longer([clauses for _low, _agreeing, clauses in kept[:BEAM]])
        return None

    def _longer(self, beginnings: Iterable[Clauses]) -> list[Clauses]:
        """Each with one clause more; never two that bound the same value from the same side."""
        longer = {
            tuple(sorted((*clauses, offer), key=lambda one: one.place))
            for clauses in beginnings
            for offer in self._masks
            if all((one.path, one.comparison) != (offer.path, offer.comparison) for one in clauses)
        }
        return sorted(longer, key=_places)

    def _mask(self, clause: Clause) -> Mask:
        return np.array([clause.fits(one.values) for one in self._examples], dtype=bool)

    def _fitting(self, clauses: Clauses) -> Mask:
        fitting = np.ones(len(self._examples), dtype=bool)
        for clause in clauses:
            fitting &= self._masks[clause]
        return fitting

    def _scored(self, clauses: Clauses) -> tuple[float, int]:
        """Of what is searched: the lower end of the share that was decided this way, and how many were."""
        fitting = self._fitting(clauses)[: self._learnt]
        matched, agreeing = int(fitting.sum()), int((fitting & self._agree[: self._learnt]).sum())
        low = share(agreeing, matched).low if matched >= SUPPORT_MIN else None
        return low or 0.0, agreeing

    def _confirmed(self, clauses: Clauses) -> Found | None:
        """The rule, if it also holds where the search did not look."""
        fitting = self._fitting(clauses)
        later, later_agree = fitting[self._learnt :], self._agree[self._learnt :]
        later_matched, later_agreeing = int(later.sum()), int((later & later_agree).sum())
        if later_matched < LATER_MIN or (share(later_agreeing, later_matched).low or 0.0) < SURE_LATER:
            return None
        return Found(
            action=self._examples[0].action,
            verdict=self._verdict,
            clauses=clauses,
            matched=int(fitting.sum()),
            agreeing=int((fitting & self._agree).sum()),
            later_matched=later_matched,
            later_agreeing=later_agreeing,
            exceptions=tuple(self._examples[place].key for place in np.flatnonzero(fitting & ~self._agree).tolist()),
        )


def _places(clauses: Clauses) -> tuple[tuple[str, str, str], ...]:
    return tuple(clause.place for clause in clauses)


def _width(clauses: Clauses) -> tuple[float, ...]:
    """Of rules that fit the same requests the narrowest comes first."""
    signs = {BELOW: 1.0, FROM: -1.0, IS: 0.0}
    return tuple(signs[one.comparison] * one.value for one in clauses if not isinstance(one.value, str))


def _offers(examples: Sequence[Example]) -> Iterator[Clause]:
    """Every clause that a rule can have."""
    columns: dict[str, list[Value]] = defaultdict(list)
    for example in examples:
        for path, value in example.values.items():
            columns[path].append(value)
    for path, values in sorted(columns.items()):
        if len(values) < SUPPORT_MIN:
            continue
        numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
        words = Counter((type(value), value) for value in values if isinstance(value, bool | str))
        if len(words) <= VALUES_MAX:
            yield from (Clause(path, IS, value) for (_type, value), count in words.items() if count >= VALUE_MIN)
        for threshold in _thresholds(numbers):
            yield Clause(path, BELOW, threshold)
            yield Clause(path, FROM, threshold)


def _thresholds(numbers: Sequence[float]) -> list[float]:
    """Round numbers: 1, 2 and 5 times powers of ten, and such as part the values about equally; none is one request's
    own."""
    ordered = sorted(numbers)
    if len(ordered) < SUPPORT_MIN or ordered[0] == ordered[-1]:
        return []
    places = (len(ordered) * part // (THRESHOLDS_MAX + 1) for part in range(1, THRESHOLDS_MAX + 1))
    found = {_rounded(ordered[place]) for place in places} | ROUND
    return sorted(value for value in found if ordered[0] < value <= ordered[-1])


def _rounded(number: float) -> float:
    """With two digits that count: 47.31 is 47, 1234 is 1200."""
    return float(f"{number:.2g}")
