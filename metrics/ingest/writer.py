"""Rows to tables: COPY, each row once, with everything derived from it in the same transaction."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from django.db import connection
from django.db.backends.utils import CursorWrapper

from console.lib import bound
from console.lib.sql import load
from metrics.ingest import binary, copying, limits, packing, recount, summary, tally
from metrics.ingest.content import CONTENT_NAMES
from metrics.ingest.rows import LogRow, PointRow, SpanRow, explained
from metrics.services import catalogue, compaction, dimensions
from metrics.times import NS_PER_SECOND

# The columns of the summaries, in the order of summary.trace_row.
TRACE_COLUMNS = (
    "project_id", "trace_id", "root_name", "start_ns", "end_ns", "duration_ns", "status", "root_status", "error_count",
    "waiting_count", "span_count", "agents", "models", "tags", *summary.SPOKEN, "metadata", "input_tokens",
    "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "cost_nanos", "unpriced_count",
    "has_root", "ranks", "metadata_ranks", "error_types", "facets", "updated_at",
)  # fmt: skip
# PostgreSQL's types of the columns, in the order of the COPY statements.
LOG_COLUMNS: Mapping[str, str] = {
    "project_id": "int8", "time_ns": "int8", "id": "bytea", "received_at": "timestamptz", "trace_id": "bytea",
    "span_id": "bytea", "severity": "int2", "severity_text": "text", "event_name": "text", "service": "text",
    "environment": "text", "body": "text", "detail": "bytea",
}  # fmt: skip
POINT_COLUMNS: Mapping[str, str] = {
    "project_id": "int8", "name": "text", "series": "bytea", "time_ns": "int8", "start_ns": "int8",
    "received_at": "timestamptz", "kind": "text", "temporality": "text", "monotonic": "bool", "unit": "text",
    "value": "float8", "count": "int8", "total": "float8", "minimum": "float8", "maximum": "float8",
    "histogram": "bytea", "attributes": "text", "service": "text", "environment": "text",
}  # fmt: skip


# The marks come last: they stay locked until the transaction ends.
_DERIVED = ("queue_unindexed", "merge_traces", "merge_rollups", "mark_stale")
DERIVED = tuple(load("metrics", name) for name in _DERIVED)


@dataclass(frozen=True, slots=True)
class Written:
    """How many rows were new, and how many of the given ones were refused for which reason."""

    stored: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def explain(self) -> str:
        """The reasons in one line."""
        return explained(self.refused)


@dataclass(frozen=True, slots=True)
class SpanBatch:
    """Spans of one request, ready to be stored: `packed` are their details, compressed, in the order of the rows."""

    project_id: int
    rows: Sequence[SpanRow]
    packed: Sequence[bytes]


@dataclass(slots=True)
class _Fresh:
    """What is new of some batches of one project, and what becomes of each batch."""

    rows: list[SpanRow] = field(default_factory=list)
    keys: list[recount.SpanKey] = field(default_factory=list)
    packed: list[bytes] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)


def _by_trace(rows: Sequence[SpanRow]) -> dict[bytes, list[int]]:
    """The places of rows by their trace."""
    places: dict[bytes, list[int]] = {}
    for place, row in enumerate(rows):
        places.setdefault(row.trace_id, []).append(place)
    return places


def pack(rows: Sequence[SpanRow]) -> list[bytes]:
    """The details of spans as they are stored, those of a trace together, in the order of the rows."""
    packed: list[bytes] = [b""] * len(rows)
    for members in _by_trace(rows).values():
        details = [packing.Member(rows[n].span_id, rows[n].start_ns, rows[n].detail) for n in members]
        for place, value in zip(members, packing.pack_group(details), strict=True):
            packed[place] = value
    return packed


def write_spans(batches: Sequence[SpanBatch], now: datetime) -> list[Written]:
    """Stores the spans that are not stored yet, as far as their traces have room; says so batch by batch.

    Must run in a transaction. Keeps standings, rollups and trace summaries as if all spans of the traces had come
    at once, whatever the order, however often they come, and whoever stores others of them meanwhile.
    """
    traces: dict[int, set[bytes]] = {}
    for batch in batches:
        if batch.rows:
            traces.setdefault(batch.project_id, set()).update(row.trace_id for row in batch.rows)
    written = [Written()] * len(batches)
    if not traces:
        return written
    with connection.cursor() as cursor:
        recount.lock(cursor, traces)
        for project_id in sorted(traces):
            places = [place for place, batch in enumerate(batches) if batch.project_id == project_id]
            done = _write_project(cursor, project_id, [batches[place] for place in places], traces[project_id], now)
            for place, one in zip(places, done, strict=True):
                written[place] = one
    return written


def _write_project(
    cursor: CursorWrapper, project_id: int, batches: Sequence[SpanBatch], traces: set[bytes], now: datetime
) -> list[Written]:
    starts = [row.start_ns for batch in batches for row in batch.rows]
    stored = recount.known(cursor, project_id, sorted(traces), min(starts), max(starts))
    fresh = _fresh(batches, stored)
    if not fresh.rows:
        return fresh.written
    rows = fresh.rows
    members = _by_trace(rows)
    nodes = {
        trace_id: [*stored.nodes.get(trace_id, ()), *[recount.node(rows[place]) for place in places]]
        for trace_id, places in members.items()
    }
    decided = recount.decide(nodes)
    standings = [decided[key] for key in fresh.keys]
    stored.standing = {key: was for key, was in stored.standing.items() if key[0] in members}
    copied = zip(rows, standings, fresh.packed, strict=True)
    bound.copy("metrics_span", copying.SPAN_COLUMNS, copying.spans(project_id, copied, now))
    changes = recount.turn_over(cursor, project_id, stored, decided)
    sums = tally.Tally()
    sums.add_rows(rows, standings)
    sums.correct(changes)
    summaries = [
        summary.trace_row(project_id, [rows[n] for n in places], [rows[n] for n in places if standings[n].counted], now)
        for places in members.values()
    ]
    _write_derived(cursor, project_id, fresh, summaries, stored, sums, now)
    if recounted := recount.recounted_traces(stored, decided):
        recount_traces(cursor, project_id, recounted, stored, max(starts))
    return fresh.written


def _fresh(batches: Sequence[SpanBatch], stored: recount.Known) -> _Fresh:
    """What is new and has room in its trace; of a repeated span the first one counts."""
    fresh = _Fresh()
    taken: set[recount.SpanKey] = set()
    sizes = {trace_id: len(nodes) for trace_id, nodes in stored.nodes.items()}
    for batch in batches:
        kept: list[int] = []
        full: set[recount.SpanKey] = set()
        for place, row in enumerate(batch.rows):
            key = row.key
            if key in taken or key in stored.standing or key in full:
                continue
            size = sizes.get(row.trace_id, 0)
            if size >= limits.MAX_SPANS_PER_TRACE:
                full.add(key)
                continue
            sizes[row.trace_id] = size + 1
            taken.add(key)
            fresh.keys.append(key)
            kept.append(place)
        rows = [batch.rows[place] for place in kept]
        # A value may lie with a span that is stored already, with another value: then all are packed anew.
        whole = len(kept) == len(batch.rows)
        fresh.rows += rows
        fresh.packed += batch.packed if whole else pack(rows)
        refused = sum(row.key in full for row in batch.rows) if full else 0
        reasons = {f"trace has {limits.MAX_SPANS_PER_TRACE} spans": refused} if refused else {}
        fresh.written.append(Written(len(kept), Counter(reasons)))
    return fresh


def _write_derived(
    cursor: CursorWrapper,
    project_id: int,
    fresh: _Fresh,
    summaries: Sequence[tuple[Any, ...]],
    stored: recount.Known,
    sums: tally.Tally,
    now: datetime,
) -> None:
    """Everything that follows from new spans, sent to the server together: on its way it would wait the longest."""
    _cap(cursor, project_id, sums)
    touched = [stored.summaries[row.trace_id] for row in fresh.rows if row.trace_id in stored.summaries]
    marks = compaction.marks(project_id, sums.minutes, trace_starts={start // NS_PER_SECOND for start, _ in touched})
    holders = [
        {"trace_id": row.trace_id, "span_id": row.span_id, "start_ns": row.start_ns}
        for row, detail in zip(fresh.rows, fresh.packed, strict=True)
        if packing.holds(detail)
    ]
    parameters: dict[str, Any] = {
        **marks,
        "now": now,
        "holders": _json(holders),
        "traces": _json([dict(zip(TRACE_COLUMNS, row, strict=True)) for row in summaries]),
        "sessions": sorted({session_id for _, session_id in touched}),
        "rollups": _rollups(project_id, sums),
    }
    *_, [(missed,)] = bound.together(DERIVED, parameters)
    if missed:
        compaction.mark(cursor, marks)


def _json(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as JSON that PostgreSQL turns into records."""
    return orjson.dumps(rows, default=_hex).decode()


def _hex(value: Any) -> str:
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    raise TypeError


def _cap(cursor: CursorWrapper, project_id: int, sums: tally.Tally) -> None:
    """Counts values beyond what a day tells apart under another one."""
    sums.count_under(dimensions.capped(cursor, project_id, sums.dimensions))


def _rollups(project_id: int, sums: tally.Tally) -> str:
    return _json(sums.rows(project_id))


def merge_rollups(cursor: CursorWrapper, project_id: int, sums: tally.Tally) -> None:
    """Adds the tally to the stored rollups.

    Values beyond what a day tells apart count under another one from here on, also in the tally.
    """
    _cap(cursor, project_id, sums)
    cursor.execute(load("metrics", "merge_rollups"), {"rollups": _rollups(project_id, sums)})


def recount_traces(
    cursor: CursorWrapper, project_id: int, trace_ids: list[bytes], stored: recount.Known, latest_ns: int
) -> None:
    """Computes the sums of traces anew from their spans."""
    parameters: dict[str, Any] = {
        "project": project_id,
        "traces": trace_ids,
        "earliest": stored.earliest_ns,
        "latest": max(stored.latest_ns, latest_ns),
    }
    cursor.execute(load("metrics", "recount_traces"), parameters)


def _copy(table: str, columns: Mapping[str, str], rows: Iterable[tuple[Any, ...]]) -> None:
    bound.copy(table, list(columns), binary.rows(list(columns.values()), rows))


def write_logs(project_id: int, rows: Sequence[LogRow], now: datetime) -> Written:
    """Stores the log records that are not stored yet. Must run in a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(load("metrics", "stage_logs"))
        _copy(
            "stage_log",
            LOG_COLUMNS,
            (
                (
                    project_id, row.time_ns, row.id, now, row.trace_id, row.span_id, row.severity, row.severity_text,
                    row.event_name, row.service, row.environment, row.body, row.detail,
                )
                for row in rows
            ),
        )  # fmt: skip
        cursor.execute(load("metrics", "insert_logs"))
        written = Written(int(cursor.rowcount))
        if any(row.event_name in CONTENT_NAMES for row in rows):
            cursor.execute(load("metrics", "queue_logged"), {"content": list(CONTENT_NAMES)})
        return written


def write_points(project_id: int, rows: Sequence[PointRow], now: datetime) -> Written:
    """Stores the metric points that are not stored yet. Must run in a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(load("metrics", "stage_points"))
        _copy(
            "stage_point",
            POINT_COLUMNS,
            (
                (
                    project_id, row.name, row.series, row.time_ns, row.start_ns, now, row.kind, row.temporality,
                    row.monotonic, row.unit, row.value, row.count, row.total, row.minimum, row.maximum, row.histogram,
                    row.attributes, row.service, row.environment,
                )
                for row in rows
            ),
        )  # fmt: skip
        cursor.execute(load("metrics", "insert_points"))
        written = Written(int(cursor.rowcount))
        catalogue.note(cursor, project_id, rows)
        return written
