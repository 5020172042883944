"""A project's own patterns: regular expressions of google-re2, so that none can take more than linear time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import re2

from metrics.ingest.masking_rules import KINDS, options

MAX_PATTERNS = 20
MAX_PATTERN_CHARS = 500
NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


# Of letters, digits, harmless signs, classes of these, groups and repetition.
_PLAIN = re.compile(
    r"""(?: [A-Za-z0-9_\-@#%&=:;,/<>!~'\ ^$|()*+?{}]         # signs that stand for themselves, and those that group
          | \\ [dwbBAz.\-+*?()\[\]{}|/^$]                    # digits, word characters, places and quoted signs
          | \[ (?: [a-z]-[a-z] | [A-Z]-[A-Z] | [0-9]-[0-9] | [A-Za-z0-9_@#%&=:;,/ ] | \\[dw.\-] )+ -? \]
        )*""",
    re.VERBOSE,
)


class Wrong(ValueError):
    """A pattern that cannot be used; `member` is its name or its pattern, the message says why."""

    def __init__(self, member: str, message: str) -> None:
        super().__init__(message)
        self.member = member


@dataclass(frozen=True, slots=True)
class OwnPattern:
    """A name, which stands where text was masked, and what to find."""

    name: str
    pattern: str

    def compiled(self) -> Any:
        """The search of the expression on UTF-8 bytes."""
        return re2._re2.RE2(self.pattern.encode(), options(utf8=True)).Match

    @property
    def is_plain(self) -> bool:
        """Whether nothing that it finds has to be escaped in JSON, as far as its letters tell."""
        return _PLAIN.fullmatch(self.pattern) is not None

    def check(self) -> None:
        """Raises Wrong unless the pattern can be used."""
        if not NAME.fullmatch(self.name):
            raise Wrong("name", "Use small letters, digits, - and _, beginning with a letter.")
        if self.name in KINDS:
            raise Wrong("name", "This is the name of a built-in kind.")
        if not self.pattern or len(self.pattern) > MAX_PATTERN_CHARS:
            raise Wrong("pattern", f"Use 1 to {MAX_PATTERN_CHARS} characters.")
        found = re2._re2.RE2(self.pattern.encode("utf-8", "replace"), options(utf8=True))
        if not found.ok():
            raise Wrong("pattern", f"No regular expression of RE2: {found.error().decode('utf-8', 'replace')}.")
        if found.Match(re2._re2.RE2.Anchor.UNANCHORED, b"", 0, 0)[0][0] >= 0:
            raise Wrong("pattern", "It must not match the empty text.")


def joined_hint(patterns: Sequence[OwnPattern]) -> Any:
    """One search that finds, in `unescaped` JSON, at least what any of the patterns finds in its text.

    None when a pattern asks for what only the text itself can tell.
    """
    loose = [_without_assertions(pattern.pattern) for pattern in patterns]
    if None in loose or not loose:
        return None
    chosen = options(utf8=True)
    chosen.never_capture = True
    joined = re2._re2.RE2("|".join(f"(?:{one})" for one in loose).encode(), chosen)
    return joined.Match if joined.ok() else None


_ASSERTIONS = frozenset({"^", "$", r"\A", r"\z", r"\b", r"\B"})


def _without_assertions(pattern: str) -> str | None:
    """The pattern without its anchors and word boundaries, which mean other places in JSON than in a text."""
    if r"\Q" in pattern:
        return None
    parts: list[str] = re.findall(r"\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]|.", pattern, re.DOTALL)
    loose = "".join(part for part in parts if part not in _ASSERTIONS)
    found = re2._re2.RE2(loose.encode(), options(utf8=True))
    return loose if found.ok() else None


def unescaped(data: bytes) -> bytes | None:
    """JSON with its strings as they are; None when it holds escapes by number."""
    if b"\\" not in data:
        return data
    if b"\\u" in data:
        return None
    data = data.replace(b"\\\\", b"\x00").replace(b'\\"', b'"').replace(b"\\n", b"\n").replace(b"\\t", b"\t")
    return data.replace(b"\\r", b"\r").replace(b"\\b", b"\b").replace(b"\\f", b"\f").replace(b"\x00", b"\\")
