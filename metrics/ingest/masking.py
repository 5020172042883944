"""Personal data and secrets taken out of telemetry before it is stored. Pure: no clock, no database.

A masker first asks of the JSON of a whole span whether anything in it can be personal at all (`suspects`, one pass of
a linear-time automaton); only then are the values walked. Masked text masks to itself.
"""

import hmac
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
import re2

from metrics.ingest import checksums
from metrics.ingest.limits import Refused
from metrics.ingest.masking_own import OwnPattern, joined_hint, unescaped
from metrics.ingest.masking_rules import KINDS, PLACEHOLDER, RULES, SECRET, SECRET_NAMES, Rule, like_token, options
from metrics.ingest.masking_rules import NAMES_BEFORE_NUMBERS as NUMBER_NAMES
from metrics.ingest.rows import Value

PSEUDONYM_DIGITS = 10
MOST_ROUNDS = 8
CARD_NUMBERS = range(10**13, 10**16)
# Of a value's parts, those so many levels down are checked whole before they are walked.
LEVELS_CHECKED = 3
_UNANCHORED = re2._re2.RE2.Anchor.UNANCHORED
# States of the automaton are made as they are met; with less memory they are thrown away again and again.
_AUTOMATON_BYTES = 64 * 1024 * 1024
_MOST_KNOWN = 4_096
# Of one batch: a hundred for each of a thousand spans.
MOST_FINDS = 100_000
_MOST_KNOWN_CHARS = 64
_NUL = rb"\\u0000"


class Match(NamedTuple):
    """Bytes of a text to mask: `same` is what two spellings of the same thing have in common."""

    start: int
    end: int
    rank: int
    kind: str
    same: str


@dataclass(frozen=True, slots=True)
class Policy:
    """What to mask, and how: `key` makes the pseudonyms of one project, which no other project's equal."""

    kinds: frozenset[str] = frozenset(KINDS)
    patterns: tuple[OwnPattern, ...] = ()
    pseudonyms: bool = False
    key: bytes = b""


class Allowance:
    """How many more finds are looked at for one batch. A body of nothing but numbers would take minutes otherwise."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self) -> None:
        """Takes one. Raises Refused when none is left."""
        self.left -= 1
        if self.left < 0:
            raise Refused("too much in one request that may be personal")


class _Finder:
    """The built-in rules of some kinds, compiled once for all projects that mask these kinds."""

    def __init__(self, kinds: Collection[str]) -> None:
        self.rules: Sequence[tuple[Rule, int, Any]] = [
            (rule, KINDS.index(rule.kind) + 1, re2._re2.RE2(rule.pattern, options(utf8=False)).Match)
            for rule in RULES
            if rule.kind in kinds
        ]
        hints = [rule.hint or rule.pattern for rule, _, _ in self.rules]
        chosen = options(utf8=False)
        chosen.never_capture = True
        chosen.max_mem = _AUTOMATON_BYTES
        # What PostgreSQL has no place for is no find, but has to go: it could hide the rest.
        self.hint = re2._re2.RE2(b"|".join([_NUL, *(b"(?:" + hint + b")" for hint in hints)]), chosen).Match
        self.which = re2.Set.SearchSet(chosen)
        for hint in hints:
            self.which.Add(hint)
        self.which.Compile()

    def matches(self, data: bytes, allowance: Allowance) -> list[Match]:
        """What the rules find; matches may overlap. Raises Refused beyond the allowance."""
        return [found for index in self.which.Match(data) or () for found in self._of(index, data, allowance)]

    def _of(self, index: int, data: bytes, allowance: Allowance) -> list[Match]:
        rule, rank, search = self.rules[index]
        found: list[Match] = []
        position, end = 0, len(data)
        while position < end:
            start, stop = search(_UNANCHORED, data, position, end)[-1]
            if start < 0:
                break
            allowance.spend()
            checked = rule.check(data, start, stop)
            if checked is not None:
                found.append(Match(checked[0], checked[1], rank, rule.kind, checked[2]))
                position = max(checked[1], start + 1)
            else:
                # Another may begin inside what was none, unless the rule takes all of a run at once.
                position = stop if rule.whole_runs else start + 1
        return found


_finder = lru_cache(maxsize=64)(_Finder)


class Plan:
    """A policy made ready: immutable but for what it learns about words, and shared by threads."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.finder = _finder(policy.kinds)
        self.own = [(pattern.name, pattern.compiled()) for pattern in policy.patterns]
        self.own_hint = joined_hint(policy.patterns)
        self.own_plain = all(pattern.is_plain for pattern in policy.patterns)
        self.masks_secrets = SECRET in policy.kinds
        names = b"|".join(name.encode() for name in (*KINDS, *(pattern.name for pattern in policy.patterns)))
        self.token = _searcher(rb"\[(?:" + names + rb")(?::[0-9a-f]{%d})?\]" % PSEUDONYM_DIGITS)
        self.secret_name = _searcher(rb"(?i)" + SECRET_NAMES + rb"\z")
        self.number_name = _searcher(b"(?:" + NUMBER_NAMES + rb")\z")
        # Names of attributes are few and come again: which of them need a look at their value, or at themselves.
        self.known: dict[str, str] = {}
        # So are the words that most attributes hold: short ones that have nothing to mask.
        self.clean: set[str] = set()

    def learn(self, text: str) -> None:
        """Remembers a text that has nothing to mask, if it is short."""
        if len(text) <= _MOST_KNOWN_CHARS:
            if len(self.clean) >= _MOST_KNOWN:
                self.clean.clear()
            self.clean.add(text)

    def suspects(self, data: bytes) -> bool:
        """Whether JSON may hold anything to mask: never a no where there is something."""
        if self.finder.hint(_UNANCHORED, data, 0, len(data))[0][0] >= 0:
            return True
        if not self.own:
            return False
        text = None
        if self.own_hint:
            text = data if self.own_plain else unescaped(data)
        return text is None or self.own_hint(_UNANCHORED, text, 0, len(text))[0][0] >= 0

    def matches(self, data: bytes, allowance: Allowance) -> list[Match]:
        """What is to be masked in a text, in its order and without overlaps or what is masked already.

        Raises Refused beyond the allowance.
        """
        found: list[Match] = []
        if self.finder.hint(_UNANCHORED, data, 0, len(data))[0][0] >= 0:
            found = self.finder.matches(data, allowance)
        own = self.own
        if own and self.own_hint and self.own_hint(_UNANCHORED, data, 0, len(data))[0][0] < 0:
            own = []
        for name, search in own:
            found += [Match(start, end, 0, name, "") for start, end in _spans(search, data) if end > start]
        return self._outside_tokens(data, _merged(found)) if found else found

    def _outside_tokens(self, data: bytes, matches: list[Match]) -> list[Match]:
        tokens = _spans(self.token, data) if b"[" in data else []
        if not tokens:
            return matches
        cut: list[Match] = []
        first = 0
        for match in matches:
            while first < len(tokens) and tokens[first][1] <= match.start:
                first += 1
            cut += _parts_outside(match, tokens, first)
        return cut


class Masker:
    """Masks by a plan and counts what it masked; for one thread and one batch.

    Everything that masks raises Refused once a batch has had MOST_FINDS to look at.
    """

    __slots__ = ("_allowance", "_plan", "counts")

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._allowance = Allowance(MOST_FINDS)
        self.counts: Counter[str] = Counter()

    def suspects(self, data: bytes, *beside: str) -> bool:
        """Whether `value` may change what this JSON says, or `text` a text beside it: a few microseconds a kilobyte."""
        plan = self._plan
        unknown = [text for text in beside if text and text not in plan.clean]
        if unknown:
            data = b"\n".join([data, *(text.encode("utf-8", "replace") for text in unknown)])
        suspicious = plan.suspects(data)
        if not suspicious:
            for text in unknown:
                plan.learn(text)
        return suspicious

    def text(self, text: str) -> str:
        """The text with what is personal or secret replaced."""
        return self._text(text, self._plan.policy.pseudonyms)

    def identifier(self, text: str) -> str:
        """As `text`, but always with pseudonyms: who is not named can still be told apart."""
        return self._text(text, True)

    def value(self, value: Value, levels: int = LEVELS_CHECKED) -> Value:
        """The value with all text in it masked, also names of members, and numbers that are payment cards.

        So many levels down, parts are walked only where their JSON is suspicious: most of a span is not.
        """
        if isinstance(value, str):
            return self._text(value, self._plan.policy.pseudonyms)
        if isinstance(value, dict):
            return {self._name(name): self._member(name, inner, levels) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._part(one, levels) for one in value]
        if type(value) is int and value in CARD_NUMBERS and "card" in self._plan.policy.kinds:
            digits = str(value)
            return self._token("card", digits, self._plan.policy.pseudonyms) if checksums.card(digits) else value
        return value

    def _part(self, value: Value, levels: int) -> Value:
        if levels and isinstance(value, dict | list | tuple) and self._clean(value):
            return value
        return self.value(value, max(levels - 1, 0))

    def _clean(self, value: Value) -> bool:
        try:
            return not self.suspects(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS))
        except (TypeError, orjson.JSONEncodeError):
            return False  # half a surrogate, or a number beyond 64 bits

    def _text(self, text: str, pseudonyms: bool, before: str = "") -> str:
        if "\x00" in text:
            text = text.replace("\x00", "")  # else what PostgreSQL has no place for could hide the rest
        plan = self._plan
        if text in plan.clean and not before:
            return text
        data = (before + text).encode("utf-8", "surrogatepass")
        skipped = len(data) - len(text.encode("utf-8", "surrogatepass")) if before else 0
        changed = False
        for _ in range(MOST_ROUNDS):
            matches = plan.matches(data, self._allowance)
            masked = self._replaced(data, matches, pseudonyms, skipped) if matches else data
            if masked == data:
                break
            # What stood glued to the masked, as two addresses without a space between them, is found only now.
            data, changed = masked, True
        if changed:
            return data[skipped:].decode("utf-8", "surrogatepass")
        if not before:
            plan.learn(text)
        return text

    def _replaced(self, data: bytes, matches: list[Match], pseudonyms: bool, position: int) -> bytes:
        """The data with tokens in place of matches; what lies before `position` stays as it is."""
        parts = [data[:position]]
        for match in matches:
            if match.end <= position:
                continue
            start = max(match.start, position)
            same = match.same or data[start : match.end].decode("utf-8", "replace")
            parts += (data[position:start], self._token(match.kind, same, pseudonyms).encode())
            position = match.end
        parts.append(data[position:])
        return b"".join(parts)

    def _token(self, kind: str, same: str, pseudonyms: bool) -> str:
        self.counts[kind] += 1
        if not pseudonyms:
            return f"[{kind}]"
        digest = hmac.digest(self._plan.policy.key, f"{kind}\n{same}".encode("utf-8", "replace"), "sha256")
        return f"[{kind}:{digest.hex()[:PSEUDONYM_DIGITS]}]"

    def _name(self, name: str) -> str:
        plan = self._plan
        if name not in plan.known:
            masked = self.identifier(name)  # two that were masked must not become one
            if masked != name:
                return masked
            if len(plan.known) < _MOST_KNOWN:
                plan.known[name] = self._meaning(name)
        return name

    def _meaning(self, name: str) -> str:
        data = name.encode("utf-8", "surrogatepass")
        if self._plan.masks_secrets and _spans(self._plan.secret_name, data):
            return "token" if data.lower().endswith((b"token", b"cookie")) else "secret"
        return "number" if _spans(self._plan.number_name, data) else ""

    def _member(self, name: str, value: Value, levels: int) -> Value:
        meaning = self._plan.known.get(name)
        if meaning is None:
            meaning = self._meaning(name)
        if meaning == "number" and isinstance(value, str):
            return self._text(value, self._plan.policy.pseudonyms, f'{name}": "')
        if meaning in {"secret", "token"}:
            if isinstance(value, str):
                return self._secret(value, meaning)
            if isinstance(value, list):
                return [self._secret(one, meaning) if isinstance(one, str) else self.value(one) for one in value]
        return self._part(value, levels)

    def _secret(self, text: str, meaning: str) -> str:
        bare = text.strip()
        if PLACEHOLDER.match(bare) or (meaning == "token" and not like_token(bare)):
            return self.text(text)
        data = text.encode("utf-8", "surrogatepass")
        if self._plan._outside_tokens(data, [Match(0, len(data), 0, SECRET, text)]):
            return self._token(SECRET, text, self._plan.policy.pseudonyms)
        return text


def _parts_outside(match: Match, tokens: Sequence[tuple[int, int]], first: int) -> list[Match]:
    """What of a match lies outside all tokens, of which those before `first` end before it."""
    parts: list[Match] = []
    position = match.start
    while first < len(tokens) and tokens[first][0] < match.end:
        start, end = tokens[first]
        if start > position:
            parts.append(match._replace(start=position, end=start, same=""))
        position = end
        first += 1
    if position == match.start:
        parts.append(match)
    elif position < match.end:
        parts.append(match._replace(start=position, same=""))
    return parts


def _searcher(pattern: bytes) -> Any:
    return re2._re2.RE2(pattern, options(utf8=False)).Match


def _spans(search: Any, data: bytes) -> list[tuple[int, int]]:
    """All matches of an expression without groups, one after the other."""
    found: list[tuple[int, int]] = []
    position, size = 0, len(data)
    while position <= size:
        start, end = search(_UNANCHORED, data, position, size)[0]
        if start < 0:
            break
        found.append((start, end))
        position = max(end, start + 1)
    return found


def _merged(matches: list[Match]) -> list[Match]:
    """Matches in their order; of those that overlap, the first kind by rank names them all."""
    matches.sort()
    merged: list[Match] = []
    for match in matches:
        if merged and match.start < merged[-1].end:
            last = merged[-1]
            chosen = min(last, match, key=lambda one: (one.rank, one.start))
            merged[-1] = chosen._replace(start=last.start, end=max(last.end, match.end))
        else:
            merged.append(match)
    return merged
