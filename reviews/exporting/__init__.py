"""Files that other tools read, made from the lines of a dataset. Pure: one module per format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

from reviews.canonical import exact
from reviews.exporting import label_studio, tables, training

Encoded = tuple[bytes, int]
"""Bytes, and how many of the lines are in them."""


@dataclass(frozen=True)
class Format:
    """One format. A file is `head`, what `encode` makes of the lines some hundred at a time, and `tail`, with
    `separator` between two pieces; or, of a format that has `assemble`, what that makes of all pieces in the end."""

    name: str
    title: str | StrPromise
    summary: str | StrPromise
    extension: str
    media_type: str
    encode: Callable[[Sequence[bytes]], Encoded]
    head: bytes = b""
    separator: bytes = b""
    tail: bytes = b""
    assemble: Callable[[Iterable[bytes], Mapping[str, str]], Iterator[bytes]] | None = None


def _jsonl(lines: Sequence[bytes]) -> Encoded:
    return b"".join(line + b"\n" for line in lines), len(lines)


def _csv(lines: Sequence[bytes]) -> Encoded:
    return tables.rows(map(exact, lines)), len(lines)


def _each(write: Callable[[Mapping[str, Any]], bytes | None], separator: bytes = b"") -> Callable[..., Encoded]:
    def encode(lines: Sequence[bytes]) -> Encoded:
        found = [made for made in (write(exact(line)) for line in lines) if made is not None]
        return separator.join(found), len(found)

    return encode


def _parquet(lines: Sequence[bytes]) -> Encoded:
    from reviews.exporting import parquet  # pyarrow takes a while and much memory: workers load it when they need it.

    return parquet.batch(map(exact, lines)), len(lines)


def _assembled_parquet(pieces: Iterable[bytes], facts: Mapping[str, str]) -> Iterator[bytes]:
    from reviews.exporting import parquet

    return parquet.assembled(pieces, facts=facts)


FORMATS = {
    one.name: one
    for one in (
        Format(
            "jsonl",
            "JSONL",
            _("Everything, one canonical JSON object on each line. All splits together hash to the version's hash."),
            "jsonl",
            "application/x-ndjson",
            _jsonl,
        ),
        Format(
            "csv",
            "CSV",
            _("A table for spreadsheets; arguments and context are JSON in their cells."),
            "csv",
            "text/csv; charset=utf-8",
            _csv,
            head=tables.head(),
        ),
        Format(
            "parquet",
            "Parquet",
            _("The same table with types, for pandas, DuckDB and Spark."),
            "parquet",
            "application/vnd.apache.parquet",
            _parquet,
            assemble=_assembled_parquet,
        ),
        Format(
            "openai-chat",
            _("OpenAI chat fine-tuning"),
            _("Conversations that end in the tool call that was approved, as it was approved."),
            "jsonl",
            "application/x-ndjson",
            _each(training.openai_chat),
        ),
        Format(
            "preferences",
            _("Preference pairs (DPO)"),
            _("What the reviewer sent, preferred to what the agent proposed."),
            "jsonl",
            "application/x-ndjson",
            _each(training.preferences),
        ),
        Format(
            "label-studio",
            "Label Studio",
            _("Tasks with the decision as an annotation and the agent's suggestion as a prediction."),
            "json",
            "application/json",
            _each(label_studio.task, label_studio.SEPARATOR),
            head=label_studio.HEAD,
            separator=label_studio.SEPARATOR,
            tail=label_studio.TAIL,
        ),
    )
}
