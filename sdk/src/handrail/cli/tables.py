"""Rows as a table for people: plain text, as wide as it needs to be."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

WIDEST = 48


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns under their names, long values cut; the empty string for no rows."""
    cells = [[_cell(value) for value in row] for row in rows]
    if not cells:
        return ""
    lines = [[name.upper() for name in columns], *cells]
    widths = [max(_width(line[place]) for line in lines) for place in range(len(columns))]
    return "\n".join(
        "  ".join(value + " " * (width - _width(value)) for value, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def facts(about: Mapping[str, object]) -> str:
    """One thing as names and values, whole; what is empty is left out."""
    said = {name: value for name, value in about.items() if value not in (None, "", [], {}, ())}
    width = max((len(name) for name in said), default=0)
    return "\n".join(f"{name:<{width}}  {_clean(_text(value), newlines=True)}" for name, value in said.items())


def _cell(value: object) -> str:
    text = _clean(_text(value), newlines=False)
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _clean(text: str, *, newlines: bool) -> str:
    """Without control characters: what an agent sent must not write on the terminal of whoever looks at it."""
    kept = "\n" if newlines else ""
    return "".join(each if each in kept or unicodedata.category(each)[0] != "C" else " " for each in text)


def _width(text: str) -> int:
    return sum(map(_columns_of, text))


def _columns_of(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def jsonl(entry: Any) -> str:
    """One line of JSON."""
    return json.dumps(entry, ensure_ascii=False, default=str)
