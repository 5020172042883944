"""What the text index knows of a text: words, and "key=value" of what has a name. Pure.

Words are runs of letters and digits, in lower case; a character of a script that is written without spaces is a word
of its own. The index and the search box must agree on this, so both ask here.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

MAX_WORD_CHARS = 40
# Of a value: what stands further behind is not searched.
MAX_TEXT_CHARS = 50_000
MAX_VALUE_CHARS = 100
MAX_KEY_CHARS = 100
# Of one trace.
MAX_TOKENS = 6_000
MAX_DEPTH = 12

# Hiragana, Katakana and Han have no spaces between words.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")


def words(text: str) -> set[str]:
    """The words of a text; longer ones than MAX_WORD_CHARS are keys and encoded data, nothing anybody types."""
    found = set(_WORD.findall(text[:MAX_TEXT_CHARS].lower()))
    return {word for word in found if len(word) <= MAX_WORD_CHARS}


def pair(key: str, value: Any) -> str:
    """The token of a named value; empty when it is not indexed (long values, lists and objects)."""
    text = plain(value)
    if not text or len(text) > MAX_VALUE_CHARS or len(key) > MAX_KEY_CHARS or "\x00" in text or "\x00" in key:
        return ""
    return f"{key}={text}".lower()


def plain(value: Any) -> str:
    """A scalar as people type it: true, 500, 0.5, text; empty for anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return value.strip() if isinstance(value, str) else ""


def span_token(span_id: bytes) -> str:
    """A span is found by its id: eight characters do, and are a third of the index that sixteen would take."""
    return "~" + span_id[-4:].hex()


def project_token(project_id: int) -> str:
    """What every trace of a project has; no word and no name begins like this."""
    return f"@{project_id}"


class Tokens:
    """The tokens of one trace under construction; stops growing at MAX_TOKENS."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        self._known: set[int] = set()

    def add(self, tokens: Iterable[str]) -> None:
        """Adds ready-made tokens; empty ones are passed over."""
        if len(self.found) < MAX_TOKENS:
            self.found.update(tokens)
            self.found.discard("")

    def add_text(self, value: Any) -> None:
        """Adds the words of every text in a JSON value. What a trace says twice is read once."""
        for text in strings(value):
            mark = hash(text)
            if mark not in self._known and len(self.found) < MAX_TOKENS:
                self._known.add(mark)
                self.found.update(words(text))

    def add_pairs(self, named: Mapping[str, Any], prefix: str = "") -> None:
        """Adds a token for each short value, by its key and the key's way down through objects ("a.b")."""
        for key, value in named.items():
            if isinstance(value, Mapping):
                if prefix.count(".") < MAX_DEPTH:
                    self.add_pairs(value, f"{prefix}{key}.")
            elif isinstance(value, list):
                self.add(pair(f"{prefix}{key}", one) for one in value[:20])
            else:
                self.add((pair(f"{prefix}{key}", value),))

    def sorted(self) -> list[str]:
        """At most MAX_TOKENS tokens, in order."""
        return sorted(self.found)[:MAX_TOKENS]


def strings(value: Any) -> Iterator[str]:
    """Every text in a JSON value that may carry words; keys are no content."""
    left: list[Any] = [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
