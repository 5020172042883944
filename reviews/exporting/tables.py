"""CSV (RFC 4180) that a spreadsheet can open without running anything. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from console.lib.clock import rfc3339
from reviews.exporting.columns import COLUMNS, Column, written

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What spreadsheets take for the beginning of a formula; also the full-width forms, which some read as the others."""


def head() -> bytes:
    """The line with the names of columns."""
    return _csv([[column.name for column in COLUMNS]])


def rows(lines: Iterable[Mapping[str, Any]]) -> bytes:
    """One record for each line."""
    return _csv([cell(column, line) for column in COLUMNS] for line in lines)


def cell(column: Column, line: Mapping[str, Any]) -> str:
    """What a cell says. Text that a spreadsheet would take for a formula has an apostrophe before it."""
    value = column.read(line)
    if value is None:
        return ""
    if column.kind == "flag":
        return "true" if value else "false"
    if column.kind == "time":
        return rfc3339(value)
    if column.kind in {"number", "whole"}:
        return repr(value)
    return neutral(written(value) if column.kind == "list" else str(value))


def neutral(text: str) -> str:
    """The text, with an apostrophe before it where it could be a formula, also behind spaces."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) or text.lstrip(" ").startswith(FORMULA_STARTS) else text


def _csv(records: Iterable[list[str]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(records)
    return out.getvalue().encode()
