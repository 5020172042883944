"""What the text index knows of a text: words, and "key=value" of what has a name. Pure.

Words are runs of letters and digits, in lower case; a character of a script that is written without spaces is a word
of its own. The index and the search box must agree on this, so both ask here.
"""

import re
from base64 import b64encode
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

MAX_WORD_CHARS = 40
# Of a value: what stands further behind is not searched.
MAX_TEXT_CHARS = 50_000
MAX_VALUE_CHARS = 100
MAX_KEY_CHARS = 100
# Of one trace.
MAX_TOKENS = 6_000
MAX_DEPTH = 12
MOST_IN_LIST = 20

# Hiragana, Katakana and Han have no spaces between words.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_STRUCTURE = frozenset({"role", "type"})
# What a token begins with, in the order of what must not be lost.
_RANK = {"@": 0, "~": 1, "=": 2}
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_APART = {code: " " for code in range(128) if not chr(code).isalnum()}


def words(text: str) -> set[str]:
    """The words of a text; longer ones than MAX_WORD_CHARS are keys and encoded data, nothing anybody types."""
    return {word for word in _runs(text[:MAX_TEXT_CHARS]) if len(word) <= MAX_WORD_CHARS}


def _runs(text: str) -> list[str]:
    """The words of a text, one after the other."""
    said = text.lower()
    # As nearly all texts are; the expression finds the same, in seven times the time.
    return said.translate(_APART).split() if said.isascii() else _WORD.findall(said)


def pair(key: str, value: str | float) -> str:
    """The token of a named value, the same in any case; empty when it is too long to be indexed.

    A digest: names and values are long, and nobody reads the index.
    """
    text = plain(value)
    if not text or len(text) > MAX_VALUE_CHARS or len(key) > MAX_KEY_CHARS:
        return ""
    return _digest(key, text)


@lru_cache(maxsize=50_000)
def _digest(key: str, text: str) -> str:
    named = f"{key}={text}".lower().encode("utf-8", "replace")
    return "=" + b64encode(blake2b(named, digest_size=6).digest()).decode()


def plain(value: str | float) -> str:
    """A value as people type it: true, 500, 0.5, text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.strip() if isinstance(value, str) else str(value)


def span_token(span_id: bytes) -> str:
    """A span is found by its id: eight characters do, and are a third of the index that sixteen would take."""
    return "~" + span_id[-4:].hex()


def project_token(project_id: int) -> str:
    """What every trace of a project has; no word and no name begins like this."""
    return f"@{project_id}"


class Tokens:
    """The tokens of one trace under construction; stops growing at MAX_TOKENS."""

    def __init__(self) -> None:
        self._found: set[str] = set()
        self._seen: set[str] = set()
        # Texts whose words are still to be found: of many together they are found in half the time.
        self._unread: list[str] = []
        self._unread_chars = 0

    def add(self, tokens: Iterable[str]) -> None:
        """Adds ready-made tokens, however many there are already; empty ones are passed over."""
        self._found.update(tokens)

    def add_text(self, value: Any) -> None:
        """Adds the words of every text in a JSON value. What a trace says twice is read once."""
        if len(self._found) >= MAX_TOKENS:
            return
        for text in strings(value):
            if text not in self._seen:
                self._seen.add(text)
                beginning = text[:MAX_TEXT_CHARS]
                if beginning.isascii():
                    self._unread.append(beginning)
                    self._unread_chars += len(beginning)
                    if self._unread_chars >= MAX_TEXT_CHARS:
                        self._read()
                else:
                    self._found.update(_runs(beginning))

    def _read(self) -> None:
        self._found.update(_runs("\n".join(self._unread)))
        self._unread, self._unread_chars = [], 0

    def add_pairs(self, named: Mapping[str, Any], prefix: str = "") -> None:
        """Adds a token for each short value, by its key and the key's way down through objects ("a.b")."""
        if len(self._found) >= MAX_TOKENS:
            return
        for key, value in named.items():
            name = prefix + key if prefix else key
            if isinstance(value, str | int | float):
                self._found.add(pair(name, value))
            elif isinstance(value, dict):
                if prefix.count(".") < MAX_DEPTH:
                    self.add_pairs(value, f"{name}.")
            elif isinstance(value, list):
                said = [one for one in value[:MOST_IN_LIST] if isinstance(one, str | int | float)]
                self._found.update(pair(name, one) for one in said)

    def kept(self) -> Collection[str]:
        """At most MAX_TOKENS tokens: the project and what is named come before words, since words are many."""
        self._read()
        self._found.discard("")
        kept: Collection[str] = self._found
        if max(map(len, kept), default=0) > MAX_WORD_CHARS:
            kept = [token for token in kept if len(token) <= MAX_WORD_CHARS]
        if len(kept) > MAX_TOKENS:
            kept = sorted(kept, key=lambda token: (_RANK.get(token[0], len(_RANK)), token))[:MAX_TOKENS]
        return kept


def strings(value: Any) -> Iterator[str]:
    """Every text in a JSON value that may carry words; keys, roles and types are no content."""
    left: list[Any] = [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            left.extend(said for key, said in one.items() if key not in _STRUCTURE)
        elif isinstance(one, list):
            left.extend(one)
