"""How much work a condition can make, read from its text before it is asked.

Pure. The library that asks conditions cannot be interrupted: it holds the interpreter's lock, copies a value whole each
time it is named, and ends the process when memory runs out. So the text is read here into the same tokens as the
library reads (https://github.com/cel-expr/cel-spec/blob/master/doc/langdef.md#syntax), what could take long on any
request is refused, and for the rest an upper bound is known that grows with the request.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reviews.policy.values import Values

LOOPS = frozenset({"all", "exists", "exists_one", "map", "filter"})
COLLECTING = frozenset({"map", "filter"})
"""These copy what they have gathered so far at every entry."""

STEPS_MAX = 2_000_000
"""A step is the copy of one value, or of CHARS_PER_STEP characters: about 0.15 µs."""

CHARS_PER_STEP = 50
STATES_MAX = 2_000
STATES_PER_STEP = 16
"""So many states of a pattern are compared with a character in one step."""

TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n\f]+|//[^\n]*)
      | (?P<text>[bB]?[rR](?:'''.*?'''|\"\"\".*?\"\"\"|'[^'\n\r]*'|"[^"\n\r]*")
               | [bB]?(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"
                        |'(?:\\.|[^'\\\n\r])*'|"(?:\\.|[^"\\\n\r])*"))
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<number>0[xX][0-9a-fA-F]+[uU]?|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[uU]?)
      | (?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)
REPEATED = re.compile(r"(\)?)\{(\d*),?(\d*)\}")

# What a part of a pattern costs to compile, in steps: some stand for thousands of characters of Unicode.
COSTLY = (
    (re.compile(r"\\[wWpPbB]"), 2_000),
    (re.compile(r"\\[dDsS]"), 150),
    (re.compile(r"\.|\[\^"), 30),
    (re.compile(r"\(\?[a-z]*i"), 100),
)


class TooMuch(ValueError):
    """The condition could take long; the text says why, for whoever wrote it."""


@dataclass
class Loop:
    """What is in the brackets of one macro: how often a part of the request is named there, and so on."""

    name: str
    tokens: int = 0
    own: int = 0
    """Other names and constants, which are at most an entry each."""
    request: int = 0
    joins: int = 0
    states: int = 0
    compiling: int = 0


@dataclass(frozen=True)
class Effort:
    """What is worth knowing of a condition's text. `called` are the names in front of brackets."""

    bound: frozenset[str]
    called: frozenset[str]
    outside: Loop
    """What is in no loop."""
    loops: tuple[Loop, ...]

    def steps(self, values: Values) -> int:
        """An upper bound of the work on a request with such values."""
        size = values.count + values.chars // CHARS_PER_STEP + 1
        total = size * (self.outside.request + self.outside.joins**2)
        total += self.outside.compiling + self.outside.states * values.chars // STATES_PER_STEP
        if not self.loops:
            return total
        rounds = max(values.longest, self.outside.tokens + sum(loop.tokens for loop in self.loops))
        grown = size
        for loop in self.loops:
            if loop.name == "map":
                grown = loop.own * (size + rounds) + rounds * size * loop.request
        for loop in self.loops:
            fetched = rounds * size * loop.request
            total += fetched + loop.tokens * (grown + rounds) + loop.joins**2 * (fetched or grown + rounds)
            compared = loop.states * values.chars // STATES_PER_STEP
            total += rounds * loop.compiling + (rounds if loop.request else 1) * compared
            total += rounds * grown // 2 if loop.name in COLLECTING else 0
        return total


def effort_of(source: str, *, variables: frozenset[str]) -> Effort:
    """Reads a condition. `variables` are the names of what a request has. Raises TooMuch."""
    tokens = [match for match in TOKEN.finditer(source) if match.lastgroup != "space"]
    words = [match.group() for match in tokens]
    if any(word in {"'", '"', "`"} for word in words):
        raise TooMuch("has a quotation mark that is not closed, or one that is not used here")
    reader = _Reader(tokens, words, variables)
    for place in range(len(tokens)):
        reader.read(place)
    if sum(loop.name == "map" for loop in reader.loops) > 1:
        raise TooMuch("has more than one map(), which could take long")
    return Effort(
        bound=frozenset(reader.bound),
        called=frozenset(reader.called),
        outside=reader.outside,
        loops=tuple(reader.loops),
    )


class _Reader:
    """Goes through the tokens once, and knows which loop it is in."""

    def __init__(self, tokens: Sequence[re.Match[str]], words: Sequence[str], variables: frozenset[str]) -> None:
        self._tokens, self._words, self._variables = tokens, words, variables
        self._open: list[Loop | None] = []
        self.outside = Loop("")
        self.loops: list[Loop] = []
        self.bound: set[str] = set()
        self.called: set[str] = set()

    def read(self, place: int) -> None:
        kind, word = self._tokens[place].lastgroup, self._words[place]
        inside = next((loop for loop in self._open if loop), self.outside)
        inside.tokens += 1
        if kind == "mark":
            self._read_mark(place, word, inside)
        elif kind == "name" and self._follows(place, 1) == "(":
            self.called.add(word)
        elif kind == "name" and word in self._variables and self._follows(place, -1) != ".":
            inside.request += 1
        elif kind != "name" or self._follows(place, -1) != ".":
            inside.own += 1

    def _read_mark(self, place: int, mark: str, inside: Loop) -> None:
        if mark in "([{":
            self._opened(place, mark, inside)
        elif mark in ")]}" and self._open:
            self._open.pop()
        elif mark == "+":
            if inside.name == "map":
                raise TooMuch("adds or joins inside map(), which could take long")
            inside.joins += 1

    def _opened(self, place: int, mark: str, inside: Loop) -> None:
        name = self._words[place - 1] if place and mark == "(" else ""
        if name == "matches":
            pattern = self._pattern(place)
            states, compiling = _sizes(pattern)
            inside.states += states
            inside.compiling += compiling
        if name not in LOOPS:
            self._open.append(None)
            return
        if inside is not self.outside:
            raise TooMuch("has a loop inside a loop, which could take long")
        loop = Loop(name)
        self._open.append(loop)
        self.loops.append(loop)
        self.bound.add(self._follows(place, 1))

    def _pattern(self, place: int) -> str:
        """The pattern behind a bracket, as it is written."""
        following = self._tokens[place + 1 : place + 3]
        if len(following) < 2 or following[0].lastgroup != "text" or following[1].group() != ")":
            raise TooMuch("has matches() with a pattern that is not plain text in quotation marks")
        return following[0].group()

    def _follows(self, place: int, by: int) -> str:
        return self._words[place + by] if 0 <= place + by < len(self._words) else ""


def _sizes(pattern: str) -> tuple[int, int]:
    """About how many states a pattern has, and how many steps it takes to compile."""
    states, nested = len(pattern), 1
    for match in REPEATED.finditer(pattern):
        times = max(int(number[:6]) for number in (match.group(2), match.group(3), "1") if number)
        if match.group(1):
            nested *= times
        else:
            states += times
    if states * nested > STATES_MAX:
        raise TooMuch("has matches() with a pattern that repeats its parts too often")
    costly = sum(steps * len(part.findall(pattern)) for part, steps in COSTLY)
    return states * nested, states * nested + costly * (1 + (states - len(pattern)) * nested)
