"""Instructions in disguise: what is encoded in a text, decoded and looked at again."""

import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import unquote

import re2

from metrics.ingest.masking_rules import options

# Of one text. Longer runs are pictures and files; shorter ones cannot say much.
MOST_RUNS = 10
MOST_RUN_CHARS = 8_000
LEAST_PRINTABLE = 0.9

_RUN = re.compile(
    r"(?P<hex>(?:[0-9a-fA-F]{2}){24,})(?![0-9a-zA-Z+/])"
    r"|(?P<base64>[A-Za-z0-9+/_-]{40,}={0,2})"
    # Words before the first sign are read from their beginning alone: from each of their letters it would take forever.
    r"|(?P<percent>(?:(?<![\w.~-])[\w.~-]+)?(?:%[0-9a-fA-F]{2}[\w.~-]*){4,})"
)
_HINT = re2._re2.RE2(rb"[A-Za-z0-9+/_-]{40}|(?:%[0-9a-fA-F]{2}[\w.~-]{0,40}){4}", options(utf8=False)).Match
_UNANCHORED = re2._re2.RE2.Anchor.UNANCHORED


def find(text: str, data: bytes, hits: Callable[[bytes], Sequence[Any]]) -> Iterator[tuple[int, int]]:
    """The characters of a text, which is `data` in UTF-8, that decode to one in which `hits` finds something."""
    if _HINT(_UNANCHORED, data, 0, len(data))[0][0] < 0:
        return
    for place, run in enumerate(_RUN.finditer(text)):
        if place == MOST_RUNS:
            return
        if len(run[0]) <= MOST_RUN_CHARS:
            plain = _decoded(run)
            if plain and hits(plain.encode()):
                yield run.span()


def _decoded(run: re.Match[str]) -> str:
    """What a run says; empty when it is no text."""
    said = run[0]
    try:
        if run["percent"]:
            return unquote(said, errors="strict")
        data = bytes.fromhex(said) if run["hex"] else _base64(said)
        plain = data.decode("utf-8")
    except ValueError:
        return ""
    readable = sum(char.isprintable() or char.isspace() for char in plain)
    return plain if readable >= LEAST_PRINTABLE * len(plain) else ""


def _base64(said: str) -> bytes:
    bare = said.rstrip("=").translate(str.maketrans("-_", "+/"))
    return b64decode(bare + "=" * (-len(bare) % 4), validate=True)
