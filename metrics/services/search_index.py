"""Makes the text index out of what has arrived: off the hot path, in batches, each in one transaction.

Ingest leaves a row in `metrics_unindexed` for every packed value. A batch takes rows off that queue and writes the
words of their traces in the same transaction, so that after a crash either both or neither has happened. One process is
at it at a time: a trace whose spans arrive in pieces has one row in the index, which grows. What is read here is
checked as well (metrics.services.flags).
"""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson
from django.conf import settings
from django.db import connection, transaction

from console.lib import bound
from console.lib.pace import Spare
from console.lib.sql import load
from metrics.ingest import binary, content, packing
from metrics.ingest.content import CONTENT_NAMES, Record
from metrics.search_words import Tokens, pair, project_token, span_token
from metrics.services import flags, partitions
from metrics.services.flags import Seen
from metrics.times import NS_PER_HOUR, to_ns

TABLE = "metrics_search"
LOCK_KEY = 0x48524953
# Rows of the queue that one transaction takes, and how many transactions one run makes.
BATCH_ROWS = 120
MOST_BATCHES = 80
# A run that rests in between ends after so many seconds: what it takes to be new was new when it began, and whoever
# stops the worker waits for it.
LONGEST_RUN = 6.0
# Spans of a trace arrive one after the other: those of a few seconds are read together.
SETTLE = timedelta(seconds=2)
# While more arrives, the index takes the time that the processors of this machine have left but for this share of
# theirs: whoever stores telemetry and reads it comes first. The trace list says meanwhile how far behind it is. Where
# no time is left at all, it rests for so many times as long as a batch took, but not for longer than that in seconds.
SPARE = 0.1
MOST_TIMES = 30.0
LONGEST_REST = 20.0
# A shorter rest is waited for, after a longer one the next run goes on.
LONGEST_WAIT = 1.0
_turn = threading.Lock()
# The columns of the index and their types.
COLUMNS: Mapping[str, str] = {
    "project_id": "int8", "trace_id": "bytea", "start_ns": "int8", "words": "tsvector", "checked": "jsonb",
}  # fmt: skip
MOST_LOGS_OF_TRACE = 5_000

_NAMED = ("name", "kind", "tool", "model", "provider", "agent", "service", "error_type", "error_message",
          "finish_reason")  # fmt: skip
# What a search calls the last column of traces_to_index.
_NAMES_OF_TRACE = ("session", "user", "environment", "version", "prompt", "team")
# Columns of a span that hold words, and those that are too long to be found by their value.
_TEXTS = ("name", "error_type", "error_message")
_ONLY_TEXTS = ("name", "error_message")


class _Summary(NamedTuple):
    """What is searched of a trace's summary: `named` are its session, user and so on, as in _NAMES_OF_TRACE."""

    trace_id: bytes
    start_ns: int
    end_ns: int
    root_name: str
    tags: Sequence[str]
    named: Sequence[str]


@dataclass(slots=True)
class Indexed:
    """What a run has done: rows of the queue, those among them that were too old to be searched, and traces."""

    rows: int = 0
    expired: int = 0
    traces: int = 0


_spare = Spare(idle=SPARE, most_times=MOST_TIMES, longest=LONGEST_REST)


def run(*, now: datetime, most_batches: int = MOST_BATCHES) -> Indexed:
    """Indexes what has arrived until nothing is left, or enough has been done for one run.

    Does nothing while another run of this process is at it, or rests.
    """
    total = Indexed()
    if not _turn.acquire(blocking=False):
        return total
    try:
        if _spare.is_over():
            _run(now, most_batches, total)
    finally:
        _turn.release()
    return total


def _run(now: datetime, most_batches: int, total: Indexed) -> None:
    ends = time.monotonic() + LONGEST_RUN
    for _ in range(most_batches):
        _spare.begin()
        one = _batch(now)
        if one is None:
            break
        total.rows += one.rows
        total.expired += one.expired
        total.traces += one.traces
        if one.rows < BATCH_ROWS:
            break
        if _more_arrives(now):
            rest = _spare.end()
            if rest > LONGEST_WAIT or time.monotonic() > ends:
                break
            time.sleep(rest)
            _spare.is_over()


def _more_arrives(now: datetime) -> bool:
    """Whether something was added to the queue a moment ago."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(queued_at) > %s FROM metrics_unindexed", [now - SETTLE])
        return bool(cursor.fetchone()[0])


def drop_expired(*, now: datetime) -> list[str]:
    """Forgets the words of days that are no longer searched; returns the partitions that went."""
    return partitions.drop_before(now, keep_days=settings.SEARCH_RETENTION_DAYS, tables=(TABLE,))


def _batch(now: datetime) -> Indexed | None:
    """The next rows of the queue; None when another process is at it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK_KEY])
        if not cursor.fetchone()[0]:
            return None
        cursor.execute(load("metrics", "claim_unindexed"), {"settled": now - SETTLE, "most": BATCH_ROWS})
        claimed = cursor.fetchall()
        done = Indexed(rows=len(claimed))
        horizon = _horizon(now)
        by_project: dict[int, dict[bytes, list[bytes]]] = defaultdict(lambda: defaultdict(list))
        for project_id, trace_id, span_id, start_ns in claimed:
            if start_ns < horizon:
                done.expired += 1
            else:
                by_project[project_id][bytes(trace_id)].append(bytes(span_id))
        flagged: dict[int, flags.Kinds] = {}
        for project_id in sorted(by_project):
            done.traces += _index(project_id, by_project[project_id], horizon, flagged)
        flags.mark(flagged)  # last, because ingest waits for it
    return done


def _horizon(now: datetime) -> int:
    """The start in nanoseconds of the first day that is searched."""
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return to_ns(day - timedelta(days=settings.SEARCH_RETENTION_DAYS))


def _index(
    project_id: int, arrived: Mapping[bytes, Sequence[bytes]], horizon: int, flagged: dict[int, flags.Kinds]
) -> int:
    """Writes the rows of the traces of a project; `arrived` are the spans that hold new values, by trace.

    Adds to `flagged` the kinds of flags that traces have from now on. Returns how many traces there are.
    """
    asked: dict[str, Any] = {"project": project_id, "traces": list(arrived), "horizon": horizon}
    rows = bound.rows(load("metrics", "traces_to_index"), asked)
    summaries = [_Summary._make(row) for row in rows]
    if not summaries:
        return 0
    found = {trace.trace_id: _of_trace(project_id, trace) for trace in summaries}
    holders = [span_id for trace_id in found for span_id in arrived[trace_id]]
    bounds = {
        "project": project_id,
        "traces": list(found),
        "earliest": min(trace.start_ns for trace in summaries),
        "latest": max(trace.end_ns for trace in summaries),
    }
    checked = flags.reading(project_id)
    _add_spans(found, bounds, holders, checked)
    _add_logs(found, bounds, arrived, checked)
    starts = {trace.trace_id: trace.start_ns for trace in summaries}
    flagged[project_id] = _store(found, bounds, starts, checked)
    return len(found)


def _of_trace(project_id: int, trace: _Summary) -> Tokens:
    tokens = Tokens()
    tokens.add([project_token(project_id)])
    tokens.add(pair(name, value) for name, value in zip(_NAMES_OF_TRACE, trace.named, strict=True))
    tokens.add(pair("tag", tag) for tag in trace.tags)
    tokens.add_text([trace.root_name, *trace.tags])
    return tokens


def _add_spans(
    found: Mapping[bytes, Tokens], bounds: Mapping[str, Any], holders: Sequence[bytes], checked: flags.Reading
) -> None:
    values: dict[bytes, list[tuple[packing.SpanKey, bytes]]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(load("metrics", "spans_to_index"), {**bounds, "holders": list(holders)})
        for raw_trace, raw_span, start_ns, *named, version, detail in cursor:
            trace_id, span_id = bytes(raw_trace), bytes(raw_span)
            tokens = found[trace_id]
            said = dict(zip(_NAMED, named, strict=True))
            checked.see(trace_id, span_id, Seen(start_ns, said["kind"], said["agent"], version))
            tokens.add([span_token(span_id), pair("span", said["name"])])
            tokens.add(pair(name, said[name]) for name in _NAMED if name not in _ONLY_TEXTS)
            tokens.add_text([said[name] for name in _TEXTS])
            if detail is not None:
                values[trace_id].append(((span_id, start_ns), bytes(detail)))
    for trace_id, packed in values.items():
        for key, value in packed:
            _add_value(found[trace_id], trace_id, key, value, checked)


def _add_value(tokens: Tokens, trace_id: bytes, key: packing.SpanKey, value: bytes, checked: flags.Reading) -> None:
    try:
        details = {of: packing.content(json) for of, json in packing.members(value, key).items()}
    except packing.Unreadable:
        return  # a damaged value has no words; the trace is found by its columns
    resource: Any = None
    for (span_id, _start_ns), detail in details.items():
        said = content.read(detail)  # as it came, it may be JSON inside text, or in events
        checked.read(trace_id, span_id, said)
        tokens.add_text([said.input, said.output, detail.get("name")])
        tokens.add_pairs(_object(detail.get("attributes")))
        tokens.add_pairs(_object(detail.get("metadata")), "metadata.")
        if detail.get("resource") != resource:
            resource = detail.get("resource")
            tokens.add_pairs(_object(resource))
        for event in said.events:
            attributes = _object(_object(event).get("attributes"))
            tokens.add_pairs(attributes)
            tokens.add_text(attributes.get("exception.message"))


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _add_logs(
    found: Mapping[bytes, Tokens],
    bounds: Mapping[str, Any],
    arrived: Mapping[bytes, Sequence[bytes]],
    checked: flags.Reading,
) -> None:
    """Inputs and outputs that came as log records of the spans."""
    asked = {
        **bounds,
        "names": list(CONTENT_NAMES),
        "earliest": bounds["earliest"] - NS_PER_HOUR,
        "latest": bounds["latest"] + NS_PER_HOUR,
    }
    read: Counter[bytes] = Counter()
    # There may be many, and long ones. Behind a pooler too: the cursor lives in the transaction of the batch.
    with connection.chunked_cursor() as cursor:
        cursor.execute(load("metrics", "logs_to_index"), asked)
        for raw_trace, raw_span, name, detail in cursor:
            trace_id = bytes(raw_trace)
            read[trace_id] += 1
            if read[trace_id] > MOST_LOGS_OF_TRACE:
                continue
            try:
                said = packing.unpack(detail)
            except packing.Unreadable:
                continue
            found[trace_id].add_text([said.get("body"), said.get("attributes")])
            record = Record(name, said.get("attributes") or {}, said.get("body"))
            checked.record(trace_id, bytes(raw_span or b""), record, arrived=arrived[trace_id])


def _store(
    found: Mapping[bytes, Tokens], bounds: Mapping[str, Any], starts: Mapping[bytes, int], checked: flags.Reading
) -> flags.Kinds:
    """Writes one row per trace, in which what was indexed before stays, and what the checks have found.

    Returns the kinds of flags that traces have from now on.
    """
    partitions.ensure(TABLE, starts.values())
    after = flags.store(checked, bounds, starts)
    before: dict[bytes, flags.Rows] = {}
    with connection.cursor() as cursor:
        cursor.execute(load("metrics", "take_indexed"), bounds)
        for trace_id, words, added in cursor.fetchall():
            found[bytes(trace_id)].add(words)
            before.setdefault(bytes(trace_id), []).extend(orjson.loads(added))
    rows = (
        (bounds["project"], trace_id, starts[trace_id], tokens.kept(), after[trace_id])
        for trace_id, tokens in found.items()
    )
    bound.copy(TABLE, list(COLUMNS), binary.rows(list(COLUMNS.values()), rows))
    return flags.count(bounds["project"], before, after)
