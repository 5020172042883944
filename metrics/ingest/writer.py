"""Rows to tables: COPY, each row once, with everything derived from it in the same transaction."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

from console.lib.sql import load
from metrics.ingest import binary, copying, limits, packing, recount, summary, tally
from metrics.ingest.content import CONTENT_NAMES
from metrics.ingest.lineage import Standing
from metrics.ingest.rows import LogRow, PointRow, SpanRow, explained
from metrics.services import catalogue, compaction, dimensions, sessions
from metrics.times import NS_PER_SECOND

# PostgreSQL's types of the columns, in the order of the COPY statements.
TRACE_COLUMNS: Mapping[str, str] = {
    "project_id": "int8", "trace_id": "bytea", "root_name": "text", "start_ns": "int8", "end_ns": "int8",
    "duration_ns": "int8", "status": "text", "root_status": "text", "error_count": "int4", "waiting_count": "int4",
    "span_count": "int4", "agents": "text[]", "models": "text[]", "tags": "text[]",
    **dict.fromkeys(summary.SPOKEN, "text"), "metadata": "jsonb", "input_tokens": "int8", "output_tokens": "int8",
    "cache_read_tokens": "int8", "cache_write_tokens": "int8", "reasoning_tokens": "int8", "cost_nanos": "int8",
    "unpriced_count": "int4", "has_root": "bool", "ranks": "bytea[]", "metadata_ranks": "jsonb",
    "error_types": "text[]", "facets": "int8[]", "updated_at": "timestamptz",
}  # fmt: skip
SESSION_PLACE = list(TRACE_COLUMNS).index("session_id")
ROLLUP_COLUMNS: Mapping[str, str] = {
    "project_id": "int8", "seconds": "int4", "start": "timestamptz", "entry": "bool",
    **dict.fromkeys(tally.Dimensions._fields[2:], "text"), "span_count": "int8", "error_count": "int8",
    "unpriced_count": "int8", "input_tokens": "int8", "output_tokens": "int8", "cache_read_tokens": "int8",
    "cache_write_tokens": "int8", "reasoning_tokens": "int8", "cost_nanos": "int8", "duration_sum_ns": "numeric",
    "histogram": "int4[]",
}  # fmt: skip
UNINDEXED_COLUMNS: Mapping[str, str] = {
    "project_id": "int8", "trace_id": "bytea", "span_id": "bytea", "start_ns": "int8", "queued_at": "timestamptz",
}  # fmt: skip
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
    packed: list[bytes] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)


def pack(rows: Sequence[SpanRow]) -> list[bytes]:
    """The details of spans as they are stored, those of a trace together, in the order of the rows."""
    places: dict[bytes, list[int]] = {}
    for place, row in enumerate(rows):
        places.setdefault(row.trace_id, []).append(place)
    packed: list[bytes] = [b""] * len(rows)
    for members in places.values():
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
        cursor.execute(load("metrics", "stage"))
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
    members = tally.by_trace(fresh.rows)
    nodes = {
        trace_id: [*stored.nodes.get(trace_id, ()), *map(recount.node, rows)] for trace_id, rows in members.items()
    }
    decided = recount.decide(nodes)
    stored.standing = {key: was for key, was in stored.standing.items() if key[0] in members}
    _copy_spans(cursor, project_id, fresh, decided, now)
    changes = recount.turn_over(cursor, project_id, stored, decided)
    _write_summaries(cursor, project_id, members, decided, stored, now)
    if recounted := recount.recounted_traces(stored, decided):
        recount_traces(cursor, project_id, recounted, stored, max(starts))
    sums = tally.Tally()
    sums.add(tally.measured(row, decided[row.key]) for row in fresh.rows)
    sums.correct(changes)
    merge_rollups(cursor, project_id, sums)
    begun = {stored.summaries[trace_id][0] // NS_PER_SECOND for trace_id in members if trace_id in stored.summaries}
    compaction.mark(cursor, project_id, sums.minutes, trace_starts=begun)
    return fresh.written


def _fresh(batches: Sequence[SpanBatch], stored: recount.Known) -> _Fresh:
    """What is new and has room in its trace; of a repeated span the first one counts."""
    fresh = _Fresh()
    taken: set[recount.SpanKey] = set()
    sizes = Counter({trace_id: len(nodes) for trace_id, nodes in stored.nodes.items()})
    for batch in batches:
        kept: list[int] = []
        full: set[recount.SpanKey] = set()
        for place, row in enumerate(batch.rows):
            key = row.key
            if key in stored.standing or key in taken or key in full:
                continue
            if sizes[row.trace_id] >= limits.MAX_SPANS_PER_TRACE:
                full.add(key)
                continue
            sizes[row.trace_id] += 1
            taken.add(key)
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


def _copy_spans(
    cursor: CursorWrapper,
    project_id: int,
    fresh: _Fresh,
    decided: Mapping[recount.SpanKey, Standing],
    now: datetime,
) -> None:
    rows = [(row, decided[row.key], detail) for row, detail in zip(fresh.rows, fresh.packed, strict=True)]
    # Django turns psycopg's errors into its own only around `execute`.
    with connection.wrap_database_errors, cursor.copy(copying.COPY_SPANS) as copy:
        copy.write(copying.spans(project_id, rows, now))
    holders = [
        (project_id, row.trace_id, row.span_id, row.start_ns, now)
        for row, _, detail in rows
        if packing.pointed_at(detail) is None
    ]
    _copy(cursor, "metrics_unindexed", UNINDEXED_COLUMNS, holders)


def _write_summaries(
    cursor: CursorWrapper,
    project_id: int,
    members: Mapping[bytes, list[SpanRow]],
    decided: Mapping[recount.SpanKey, Standing],
    stored: recount.Known,
    now: datetime,
) -> None:
    new: list[tuple[Any, ...]] = []
    more: list[tuple[Any, ...]] = []
    for trace_id, rows in members.items():
        (more if trace_id in stored.summaries else new).append(summary.trace_row(project_id, rows, decided, now))
    # Also the session that a trace was in before: it may be in another one now.
    touched = {stored.summaries[trace_id][1] for trace_id in members if trace_id in stored.summaries}
    touched.update(row[SESSION_PLACE] for row in new)
    if new:
        _copy(cursor, "metrics_trace", TRACE_COLUMNS, new)
    if more:
        _copy(cursor, "stage_trace", TRACE_COLUMNS, more)
        cursor.execute(load("metrics", "merge_traces"))
        touched.update(session_id for (session_id,) in cursor.fetchall())
        cursor.execute("DELETE FROM stage_trace")
    sessions.touch(cursor, project_id, touched)


def merge_rollups(cursor: CursorWrapper, project_id: int, sums: tally.Tally) -> None:
    """Adds the tally to the stored rollups. Needs the staging tables.

    Values beyond what a day tells apart count under another one from here on, also in the tally.
    """
    sums.count_under(dimensions.capped(cursor, project_id, sums.dimensions))
    rows = sums.rows(project_id)
    if rows:
        _copy(cursor, "stage_rollup", ROLLUP_COLUMNS, rows)
        cursor.execute(load("metrics", "merge_rollups"))
        cursor.execute("DELETE FROM stage_rollup")


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


def _copy(cursor: CursorWrapper, table: str, columns: Mapping[str, str], rows: Iterable[tuple[Any, ...]]) -> None:
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
    with connection.wrap_database_errors, cursor.copy(statement) as copy:
        copy.write(binary.rows(list(columns.values()), rows))


def write_logs(project_id: int, rows: Sequence[LogRow], now: datetime) -> Written:
    """Stores the log records that are not stored yet. Must run in a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(load("metrics", "stage_logs"))
        _copy(
            cursor,
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
            cursor,
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
