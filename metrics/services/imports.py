"""Imports of trace archives: files to spans, logs and scores of a project, document by document."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import orjson
from django.conf import settings

from agents.models import Project
from metrics.imports import archive, labels
from metrics.ingest import pipeline
from metrics.ingest.limits import Malformed
from metrics.ingest.normalise import TOO_OLD, Window
from metrics.ingest.rows import Batch
from metrics.models import Trace
from metrics.scoring import Draft
from metrics.services import scores
from metrics.times import to_ns

# A document is read whole, files of one document a line (.jsonl) line by line.
MAX_DOCUMENT_BYTES = 64 * 1024 * 1024
# What one transaction stores.
MOST_ROWS = 2_000
LINES = {".jsonl", ".ndjson"}
SUFFIXES = {".json", *LINES}

Row = TypeVar("Row")


@dataclass(slots=True)
class Done:
    """What an import took: rows of the files, how many of them were new, what was refused, and what was wrong where.

    `refused` has a line for each file and reason, `too_old` counts the rows among them that the project does not keep.
    """

    files: int = 0
    traces: set[bytes] = field(default_factory=set)
    spans: int = 0
    new_spans: int = 0
    logs: int = 0
    new_logs: int = 0
    scores: int = 0
    new_scores: int = 0
    refused_rows: int = 0
    refused_scores: int = 0
    too_old: int = 0
    refused: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def window_of(project: Project, now: datetime) -> Window:
    """The start times that an import into a project may have: any age where telemetry is kept for ever."""
    latest = to_ns(now + timedelta(seconds=settings.TELEMETRY_MAX_AHEAD_SECONDS))
    days = project.retention_days
    return Window(0 if days is None else to_ns(now - timedelta(days=days)), latest)


def files_in(path: Path) -> list[Path]:
    """The file, or the JSON files of a folder and its folders, by name."""
    if not path.is_dir():
        return [path]
    return sorted(one for one in path.rglob("*") if one.suffix in SUFFIXES and one.is_file())


def import_traces(*, project: Project, file: Path, done: Done, now: datetime) -> None:
    """Stores the traces of a file and adds to `done`. What is there already stays as it is."""
    window = window_of(project, now)

    def store(document: Any) -> None:
        _store(project.pk, archive.content_of(document, window), file, done, now, window)

    _each(file, store, done)


def import_annotations(*, project: Project, file: Path, done: Done, now: datetime) -> None:
    """Stores the labels of a file as scores and adds to `done`. A label that is there already is corrected.

    Labels of traces that the project does not have are refused.
    """

    def store(document: Any) -> None:
        _store_scores(project.pk, labels.drafts_of(document), file, done, now)

    _each(file, store, done)


def _each(file: Path, store: Callable[[Any], None], done: Done) -> None:
    """Every document of a file. What is wrong is noted with the file's name, and the rest goes on."""
    done.files += 1
    try:
        for where, document in _documents(file):
            try:
                store(document)
            except Malformed as error:
                done.errors.append(f"{file}: {where}{error}")
    except (OSError, Malformed) as error:
        done.errors.append(f"{file}: {error.strerror if isinstance(error, OSError) else error}")


def _documents(file: Path) -> Iterator[tuple[str, Any]]:
    """(prefix of paths in messages, document) for each document of a file. Raises OSError and Malformed."""
    with file.open("rb") as stream:
        if file.suffix not in LINES:
            document = _parsed(stream.read(MAX_DOCUMENT_BYTES + 1))
            several = isinstance(document, list)
            yield from ((f"[{n}].", one) for n, one in enumerate(document)) if several else [("", document)]
            return
        number = 0
        while line := stream.readline(MAX_DOCUMENT_BYTES + 1):
            number += 1
            if line.strip():
                try:
                    yield f"line {number}: ", _parsed(line)
                except Malformed as error:
                    raise Malformed(f"line {number}: {error}") from error


def _parsed(data: bytes) -> Any:
    if len(data) > MAX_DOCUMENT_BYTES:
        raise Malformed(f"a document larger than {MAX_DOCUMENT_BYTES} bytes; write one trace a line in a .jsonl file")
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"not valid JSON: {error}") from error


def _store(project_id: int, content: archive.Content, file: Path, done: Done, now: datetime, window: Window) -> None:
    for spans in _parts(content.spans):
        outcome = pipeline.store_spans(project_id, spans, now, window=window)
        if outcome.taken:
            done.traces.update(row.trace_id for row in spans.rows)
        done.spans += outcome.taken
        done.new_spans += outcome.stored
        _note(done, file, spans, outcome)
    for logs in _parts(content.logs):
        outcome = pipeline.store_logs(project_id, logs, now, window=window)
        done.logs += outcome.taken
        done.new_logs += outcome.stored
        _note(done, file, logs, outcome)
    _store_scores(project_id, content.scores, file, done, now)


def _store_scores(project_id: int, drafts: Sequence[Draft], file: Path, done: Done, now: datetime) -> None:
    """The scores of traces that are there; nobody would ever find the others."""
    asked = {draft.trace_id for draft in drafts}
    found = Trace.objects.filter(project_id=project_id, trace_id__in=asked).values_list("trace_id", flat=True)
    there = {bytes(trace_id) for trace_id in found}
    kept = [draft for draft in drafts if draft.trace_id in there]
    absent = Counter(draft.trace_id for draft in drafts if draft.trace_id is not None and draft.trace_id not in there)
    for trace_id, count in absent.items():
        done.refused.append(f"{file}: the project has no trace {trace_id.hex()}, scores left out: {count}")
        done.refused_scores += count
    if kept:
        done.scores += len(kept)
        done.new_scores += scores.import_labels(project_id=project_id, drafts=kept, author=file.name, now=now)


def _note(done: Done, file: Path, batch: Batch[Any], outcome: pipeline.Outcome) -> None:
    if outcome.refused:
        done.refused.append(f"{file}: {outcome.reason}")
        done.refused_rows += outcome.refused
        done.too_old += sum(count for reason, count in batch.refused.items() if reason.endswith(TOO_OLD))


def _parts(batch: Batch[Row]) -> Iterator[Batch[Row]]:
    """The batch in parts of at most MOST_ROWS rows, the refusals with the first."""
    for first in range(0, max(len(batch.rows), 1), MOST_ROWS):
        part = Batch(rows=batch.rows[first : first + MOST_ROWS])
        if first == 0:
            part.refused.update(batch.refused)
        yield part
