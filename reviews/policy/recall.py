"""Answers to conditions that were asked before, given again when a request has the same values. Pure.

A policy that is tried on a hundred thousand requests asks each of its conditions so often, mostly of the same few
values. An answer follows from the values that the condition names and from nothing else, as long as the request is so
small that no limit of effort can be reached; so that is what it is remembered by. What cannot be read plainly from the
text of a condition, such as an index or a computed name, is never remembered: it is asked again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reviews.policy.conditions import OWN_FUNCTIONS, VALUES_MAX, VARIABLES, Answer, Condition, Trial, compiled
from reviews.policy.effort import STEPS_MAX, TOKEN
from reviews.policy.values import Values, field_of

SMALL_VALUES = VALUES_MAX // 2
SMALL_CHARS = 100_000
"""Of the JSON of a small request; what is added to it, such as the time and the history, is far below the rest."""

ANSWERS_MAX = 20_000
"""So many answers to a condition are kept; then it begins anew."""

PLAIN_TEXT = re.compile(r"""'[^'\\]*'|"[^"\\]*\"""")
OF_A_VALUE = re.compile(r"""[\w)\]}'"]\Z""")
SIMPLE = frozenset({str, int, float, bool, type(None), datetime})

Path = tuple[str, ...]


def is_small(texts: Sequence[str]) -> bool:
    """Whether a request, as JSON texts, is so small that no limit of effort matters."""
    chars = sum(map(len, texts))
    # Each value but the first of a list or object follows a comma.
    return chars <= SMALL_CHARS and (
        chars <= SMALL_VALUES
        or sum(text.count(",") + text.count("[") + text.count("{") + 1 for text in texts) <= SMALL_VALUES
    )


@dataclass(frozen=True)
class Inputs:
    """What an answer follows from: `paths` by their values, `asked` by whether they are there, and `fields` as the
    functions over, is_true and word look them up."""

    paths: tuple[Path, ...]
    asked: tuple[Path, ...]
    fields: tuple[str, ...]

    def of(self, facts: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The values of a request, told apart by type as well; None where one is not a plain value."""
        values = [_at(facts, path) for path in self.paths]
        for path in self.asked:
            parent = _at(facts, path[:-1])
            values.append(path[-1] in parent if type(parent) is dict else parent)
        values += [field_of(facts, name) for name in self.fields]
        types = tuple(map(type, values))
        if not _KEPT.issuperset(types):
            return None
        # 0.0 and -0.0 are equal, but not alike.
        return (types, *(value if value else str(value) for value in values))


@dataclass(frozen=True)
class _Missing:
    """Not there: so many names of the path were."""

    depth: int


_KEPT = SIMPLE | {_Missing}
_MISSING = [_Missing(depth) for depth in range(100)]


def _at(facts: Any, path: Path) -> Any:
    for depth, name in enumerate(path):
        if type(facts) is not dict:
            return facts if type(facts) is list else [facts]  # Asks for a field of what has none: no plain value.
        if name not in facts:
            return _MISSING[depth]
        facts = facts[name]
    return facts


def inputs_of(condition: Condition) -> Inputs | None:
    """What a condition looks at; None where its text does not plainly say."""
    largest = Values()
    largest.count, largest.longest, largest.chars = VALUES_MAX, SMALL_VALUES, 2 * SMALL_CHARS
    if condition.effort.loops or condition.effort.steps(largest) > STEPS_MAX:
        return None
    return _Reader(condition.source).read(condition.variables)


class _Reader:
    """Goes through the tokens of a condition once."""

    def __init__(self, source: str) -> None:
        tokens = [match for match in TOKEN.finditer(source) if match.lastgroup != "space"]
        self._words = [match.group() for match in tokens]
        self._kinds = [match.lastgroup for match in tokens]

    def read(self, variables: frozenset[str]) -> Inputs | None:
        paths: list[Path] = []
        asked: list[Path] = []
        fields: list[str] = []
        for place, word in enumerate(self._words):
            if self._kinds[place] != "name":
                continue
            if self._word(place - 1) == ".":
                if word in OWN_FUNCTIONS or not OF_A_VALUE.search(self._word(place - 2)):
                    return None
            elif word in OWN_FUNCTIONS:
                text = self._word(place + 2)
                if self._word(place + 1) != "(" or self._word(place + 3) not in (",", ")"):
                    return None
                if not PLAIN_TEXT.fullmatch(text):
                    return None
                fields.append(text[1:-1])
            elif word in VARIABLES:
                path = self._path(place)
                within_has = self._word(place - 2) == "has" and self._word(place - 1) == "(" and len(path) > 1
                ends = self._word(place + 2 * len(path) - 1) == ")"
                (asked if within_has and ends else paths).append(path)
        if {path[0] for path in (*paths, *asked)} != variables:
            return None
        return Inputs(tuple(dict.fromkeys(paths)), tuple(dict.fromkeys(asked)), tuple(dict.fromkeys(fields)))

    def _path(self, place: int) -> Path:
        """The names behind a variable, but for one that is called."""
        path = [self._words[place]]
        while self._word(place + 1) == "." and self._kind(place + 2) == "name" and self._word(place + 3) != "(":
            place += 2
            path.append(self._words[place])
        return tuple(path)

    def _word(self, place: int) -> str:
        return self._words[place] if 0 <= place < len(self._words) else ""

    def _kind(self, place: int) -> str | None:
        return self._kinds[place] if place < len(self._kinds) else None


@dataclass
class Recall:
    """The answers of one run over many requests."""

    _known: dict[str, tuple[Inputs | None, dict[tuple[Any, ...], Answer]]] = field(default_factory=dict)

    def of(self, source: str) -> tuple[Inputs | None, dict[tuple[Any, ...], Answer]]:
        """What a condition looks at, and its answers so far."""
        found = self._known.get(source)
        if found is None:
            try:
                inputs = inputs_of(compiled(source))
            except ValueError:
                inputs = None  # Asking it says what is wrong with it.
            found = self._known[source] = (inputs, {})
        if len(found[1]) >= ANSWERS_MAX:
            found[1].clear()
        return found


class RecallingTrial(Trial):
    """A small request before the conditions, which are asked only what they were not asked before.

    Time is the thread's own: a machine that is busy with something else changes no result.
    """

    def __init__(self, facts: Mapping[str, Any], recall: Recall) -> None:
        super().__init__(facts, timer=time.thread_time)
        self._recall = recall

    def ask(self, source: str) -> Answer:
        inputs, answers = self._recall.of(source)
        key = inputs.of(self._facts) if inputs else None
        if key is None:
            return super().ask(source)
        answer = answers.get(key)
        if answer is None:
            answer = super().ask(source)
            if not self.late:
                answers[key] = answer
        return answer
