"""Texts in, flags out. Pure, and bounded: in what is read, in what is found, and in time, for RE2 takes linear time.

Nearly every text has nothing. So one joined expression asks first whether any pattern can match, and only then is each
pattern that can asked for its places.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import re2

from metrics.checks import encoded, personal, uncited
from metrics.checks.catalogue import PATTERNS, PLACES, SEVERITIES, Pattern
from metrics.checks.flag import Field, Flag, excerpt_of
from metrics.ingest.masking_rules import options

# Of one span or one request. What stands behind is not read, and whoever shows the flags says so.
MOST_CHARS = 100_000
MOST_TEXTS = 5_000
MOST_FLAGS = 20
# Of one pattern in one text, and in all texts together.
MOST_IN_TEXT = 3
MOST_OF_PATTERN = 6
_AUTOMATON_BYTES = 64 * 1024 * 1024
_MOST_KNOWN = 20_000
_MOST_KNOWN_CHARS = 20_000
_UNANCHORED = re2._re2.RE2.Anchor.UNANCHORED
_MILD = {severity: place for place, severity in enumerate(reversed(SEVERITIES))}


class Hit(NamedTuple):
    """A pattern between two characters of a text; `instead` is the excerpt where the text must not be repeated."""

    pattern: Pattern
    start: int
    end: int
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found, the gravest first, and how many characters were not read."""

    flags: tuple[Flag, ...] = ()
    unread: int = 0


class _Finder:
    """Regular expressions of some patterns, made ready."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        chosen = options(utf8=True)
        self.patterns = [(one, re2._re2.RE2(one.pattern.encode(), chosen)) for one in patterns]
        for one, compiled in self.patterns:
            if not compiled.ok():
                raise ValueError(f"{one.id}: {compiled.error().decode('utf-8', 'replace')}")
        loose = options(utf8=True)
        loose.never_capture = True
        loose.max_mem = _AUTOMATON_BYTES
        joined = "|".join(f"(?:{one.pattern})" for one in patterns) or r"\z\A."
        self.hint = re2._re2.RE2(joined.encode(), loose).Match
        self.which = re2.Set.SearchSet(loose)
        for one in patterns:
            self.which.Add(one.pattern.encode())
        self.which.Compile()

    def hits(self, data: bytes) -> list[Hit]:
        """Where the patterns match a text in UTF-8, at most MOST_IN_TEXT times each."""
        if self.hint(_UNANCHORED, data, 0, len(data))[0][0] < 0:
            return []
        return [hit for place in self.which.Match(data) for hit in self._of(self.patterns[place], data)]

    @staticmethod
    def _of(one: tuple[Pattern, Any], data: bytes) -> Iterable[Hit]:
        pattern, compiled = one
        position = 0
        for _ in range(MOST_IN_TEXT):
            found = compiled.Match(_UNANCHORED, data, position, len(data))
            start, end = next((span for span in found[1:] if span[0] >= 0), found[0])
            if start < 0:
                return
            first = len(data[:start].decode("utf-8", "replace"))
            yield Hit(pattern, first, first + len(data[start:end].decode("utf-8", "replace")))
            position = max(end, start + 1)


class Checker:
    """Checks with all patterns but those that are `off`; for one thread, and worth keeping for a whole batch.

    What it has found nothing in is not read again: a trace repeats its texts from span to span.
    """

    def __init__(self, off: frozenset[str] = frozenset()) -> None:
        self._of = {place: _plan(place, off) for place in PLACES}
        self._clean: set[tuple[str, str]] = set()

    def check(self, fields: Iterable[Field], *, given: Callable[[], str] | None = None) -> Checked:
        """The flags of texts that belong together. `given` tells what whoever wrote the output had before them.

        Without `given` nothing is said of what was not given.
        """
        left, unread = MOST_CHARS, 0
        flags: list[Flag] = []
        said: list[Field] = []
        counted: Counter[str] = Counter()
        for place, field in enumerate(fields):
            text = field.text
            if place == MOST_TEXTS:
                left = 0
            if len(text) > left:
                unread += len(text) - left
                text = text[:left]
            left -= len(text)
            if not text:
                continue
            if field.place == "output":
                said.append(field if len(text) == len(field.text) else Field(field.path, field.place, text))
            for hit in self._hits(field.place, text):
                _add(flags, counted, hit, field.path, text)
        wanted = self._of["output"].uncited
        if given is not None and said and wanted:
            for field, name, start, end in uncited.find(said, given, wanted):
                _add(flags, counted, Hit(wanted[name], start, end), field.path, field.text)
        flags.sort(key=lambda one: _MILD[one.severity])
        return Checked(tuple(flags[:MOST_FLAGS]), unread)

    def _hits(self, place: str, text: str) -> list[Hit]:
        known = (place, text)
        if known in self._clean:
            return []
        plan = self._of[place]
        data = text.encode("utf-8", "surrogatepass")
        found = plan.finder.hits(data)
        if plan.encoded is not None:
            found += [Hit(plan.encoded, *span) for span in encoded.find(text, data, plan.finder.hits)]
        if plan.personal:
            for name, start, end in personal.find(data, plan.kinds, most=MOST_OF_PATTERN):
                found.append(Hit(plan.personal[name], start, end, f"[{name}]"))
        if not found and len(text) <= _MOST_KNOWN_CHARS:
            if len(self._clean) >= _MOST_KNOWN:
                self._clean.clear()
            self._clean.add(known)
        return found


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is looked for in one place: by expressions, and by each of the rules."""

    finder: _Finder
    encoded: Pattern | None
    personal: dict[str, Pattern]
    kinds: frozenset[str]
    uncited: dict[str, Pattern]


@lru_cache(maxsize=256)
def _plan(place: str, off: frozenset[str]) -> _Plan:
    mine = [one for one in PATTERNS if place in one.applies and one.id not in off]
    of_people = {one.name: one for one in mine if one.rule == "personal"}
    return _Plan(
        finder=_finder(tuple(one for one in mine if one.pattern)),
        encoded=next((one for one in mine if one.rule == "encoded"), None),
        personal=of_people,
        kinds=frozenset(of_people),
        uncited={one.name: one for one in mine if one.rule == "uncited"},
    )


_finder = lru_cache(maxsize=64)(_Finder)


def _add(flags: list[Flag], counted: Counter[str], hit: Hit, path: str, text: str) -> None:
    pattern = hit.pattern
    counted[pattern.id] += 1
    if counted[pattern.id] <= MOST_OF_PATTERN:
        excerpt = hit.instead or excerpt_of(text, hit.start, hit.end)
        flags.append(
            Flag(pattern.id, pattern.version, pattern.kind, pattern.severity, path, hit.start, hit.end, excerpt)
        )
