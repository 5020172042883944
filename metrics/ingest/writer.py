"""Rows to tables: COPY, each row once, with everything derived from it in the same transaction."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

from console.lib.sql import load
from metrics.ingest import limits, recount, tally
from metrics.ingest.limits import json_text
from metrics.ingest.rows import LogRow, PointRow, SpanRow, explained

# PostgreSQL's types of the columns, in the order of the COPY statements.
SPAN_TYPES = (
    "int8", "bytea", "bytea", "int8", "int8", "timestamptz", "bytea", "bool", *["text"] * 15, *["int4"] * 5, "bool",
    "int8", "int8", "text", "text", "text", "int8", "bool", "text", "text", "bytea",
)  # fmt: skip
LOG_TYPES = ("int8", "int8", "bytea", "timestamptz", "bytea", "bytea", "int2", *["text"] * 5, "bytea")
POINT_TYPES = (
    "int8", "text", "bytea", "int8", "int8", "timestamptz", "text", "text", "bool", "text", "float8", "int8", "float8",
    "float8", "float8", "bytea", "text", "text", "text",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Written:
    """How many rows were new, and how many of the given ones were refused for which reason."""

    stored: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def explain(self) -> str:
        """The reasons in one line."""
        return explained(self.refused)


def write_spans(project_id: int, rows: Sequence[SpanRow], now: datetime) -> Written:
    """Stores the spans that are not stored yet, as far as their traces have room.

    Must run in a transaction. Keeps `usage_counted`, rollups and trace summaries as if all spans of the traces had come
    at once, whatever the order and however often they come.
    """
    batch: dict[recount.SpanKey, SpanRow] = {}
    for row in rows:
        batch.setdefault(row.key, row)  # of a repeated span the first one counts
    if not batch:
        return Written()
    traces = sorted({row.trace_id for row in rows})
    earliest, latest = min(row.start_ns for row in rows), max(row.start_ns for row in rows)
    with connection.cursor() as cursor:
        recount.lock(cursor, project_id, traces)
        stored = recount.known(cursor, project_id, traces, earliest, latest)
        fresh, refused = _with_room(batch, stored)
        written = Written(len(fresh), _over_limit(sum(row.key in refused for row in rows)))
        if not fresh:
            return written
        touched = {row.trace_id for row in fresh}
        nodes = {trace_id: list(stored.nodes.get(trace_id, ())) for trace_id in touched}
        for row in fresh:
            nodes[row.trace_id].append(recount.node(row))
        decided = recount.decide(nodes)
        stored.counted = {key: was for key, was in stored.counted.items() if key[0] in touched}
        _copy(cursor, "copy_spans", SPAN_TYPES, (_span(project_id, row, decided[row.key], now) for row in fresh))
        flipped = recount.turn_over(cursor, project_id, stored, decided)
        sums = tally.Tally()
        sums.add(tally.measured(row, counted=decided[row.key]) for row in fresh)
        sums.correct(flipped)
        merge_rollups(cursor, project_id, sums)
        _merge_traces(cursor, project_id, fresh, decided, now)
        if flipped:
            recount_traces(cursor, project_id, recount.changed_traces(stored, decided), stored, latest)
    return written


def _with_room(
    batch: Mapping[recount.SpanKey, SpanRow], stored: recount.Known
) -> tuple[list[SpanRow], set[recount.SpanKey]]:
    """The rows that are new and fit into their traces, and the keys of those that do not."""
    sizes = Counter({trace_id: len(nodes) for trace_id, nodes in stored.nodes.items()})
    fresh: list[SpanRow] = []
    refused: set[recount.SpanKey] = set()
    for key, row in batch.items():
        if key in stored.counted:
            continue
        if sizes[row.trace_id] >= limits.MAX_SPANS_PER_TRACE:
            refused.add(key)
        else:
            sizes[row.trace_id] += 1
            fresh.append(row)
    return fresh, refused


def _over_limit(count: int) -> Counter[str]:
    return Counter({f"trace has {limits.MAX_SPANS_PER_TRACE} spans": count} if count else {})


def merge_rollups(cursor: CursorWrapper, project_id: int, sums: tally.Tally) -> None:
    """Adds the tally to the stored rollups."""
    rows = sums.rows()
    if rows:
        cursor.execute(load("metrics", "merge_rollups"), {"project": project_id, "rows": json_text(rows)})


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


def _merge_traces(
    cursor: CursorWrapper,
    project_id: int,
    fresh: Iterable[SpanRow],
    decided: dict[recount.SpanKey, bool],
    now: datetime,
) -> None:
    by_trace: dict[bytes, list[SpanRow]] = {}
    for row in fresh:
        by_trace.setdefault(row.trace_id, []).append(row)
    rows = [tally.trace_row(members, decided) for members in by_trace.values()]
    cursor.execute(load("metrics", "merge_traces"), {"project": project_id, "rows": json_text(rows), "now": now})


def _copy(cursor: CursorWrapper, statement: str, types: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    # Django turns psycopg's errors into its own only around `execute`.
    with connection.wrap_database_errors, cursor.copy(load("metrics", statement)) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)


def _span(project_id: int, row: SpanRow, counted: bool, now: datetime) -> tuple[Any, ...]:
    used, price = row.usage, row.price
    return (
        project_id, row.trace_id, row.span_id, row.start_ns, row.duration_ns, now, row.parent_span_id, row.entry,
        row.name, row.kind, row.status, row.error_type, row.error_message, row.model, row.provider, row.tool, row.agent,
        row.agent_id, row.agent_version, row.session_id, row.user_id, row.environment, row.service, used.input_tokens,
        used.output_tokens, used.cache_read_tokens, used.cache_write_tokens, used.reasoning_tokens, counted,
        price.nanos, price.reported_nanos, price.source, price.version, row.finish_reason, row.ttft_ns, row.streaming,
        row.prompt_name, row.prompt_version, row.detail,
    )  # fmt: skip


def write_logs(project_id: int, rows: Sequence[LogRow], now: datetime) -> Written:
    """Stores the log records that are not stored yet. Must run in a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(load("metrics", "stage_logs"))
        _copy(
            cursor,
            "copy_logs",
            LOG_TYPES,
            (
                (
                    project_id, row.time_ns, row.id, now, row.trace_id, row.span_id, row.severity, row.severity_text,
                    row.event_name, row.service, row.environment, row.body, row.detail,
                )
                for row in rows
            ),
        )  # fmt: skip
        cursor.execute(load("metrics", "insert_logs"))
        return Written(int(cursor.rowcount))


def write_points(project_id: int, rows: Sequence[PointRow], now: datetime) -> Written:
    """Stores the metric points that are not stored yet. Must run in a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(load("metrics", "stage_points"))
        _copy(
            cursor,
            "copy_points",
            POINT_TYPES,
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
        return Written(int(cursor.rowcount))
