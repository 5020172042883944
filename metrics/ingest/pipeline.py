"""A batch from raw rows to commit: normalise, make partitions, write, tell the browsers."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db import Error, transaction

from console.lib import clock, live
from metrics.ingest import normalise, signals, writer
from metrics.ingest.events import Events, HeartbeatEvent, Invalid
from metrics.ingest.group import GroupWriter
from metrics.ingest.masking import Masker
from metrics.ingest.normalise import Window
from metrics.ingest.reported import Reported
from metrics.ingest.reported import reported as reported_by
from metrics.ingest.rows import Batch, PointRow, RawLog, RawPoint, RawSpan, SpanRow
from metrics.ingest.writer import SpanBatch, Written
from metrics.services import heartbeats, masking, partitions, reported_outcomes, scores
from metrics.times import from_ns, to_ns

# PostgreSQL's code for a row without a partition: it was dropped since this process last saw it.
NO_PARTITION = "23514"
# So many rows at most share a transaction, unless one request alone has more: longer ones hold up who waits.
MOST_ROWS_PER_COMMIT = 2_000
# While one commit waits for the database, the next is made ready; more writers would only share less.
WRITERS = 2

Row = TypeVar("Row")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch: rows taken (also those that were there already), new ones, refused ones and why."""

    taken: int
    stored: int
    refused: int
    reason: str


def accepted_window(now: datetime, keep_days: int | None = None) -> Window:
    """The start times that are accepted at `now`: by settings, and as far as the project keeps `keep_days` at all."""
    earliest = now - timedelta(days=min(settings.TELEMETRY_MAX_AGE_DAYS, keep_days or settings.TELEMETRY_MAX_AGE_DAYS))
    latest = now + timedelta(seconds=settings.TELEMETRY_MAX_AHEAD_SECONDS)
    return Window(to_ns(earliest), to_ns(latest))


@dataclass(frozen=True, slots=True)
class PreparedSpans:
    """Spans of one request that are ready to be stored, and what was refused on the way."""

    batch: SpanBatch
    refused: Counter[str]
    masked: Counter[str]
    reported: Sequence[Reported] = ()
    """How approved actions went, as the spans say."""

    def outcome(self, written: Written) -> Outcome:
        """What to tell the sender once the batch is committed."""
        return _outcome(Batch(rows=list(self.batch.rows), refused=self.refused), written)


def prepare_spans(
    project_id: int, raw: Batch[RawSpan], now: datetime, *, window: Window | None = None
) -> PreparedSpans:
    """Everything that can be done to spans without the database; the times of `window` are accepted."""
    masker = masking.masker(project_id)
    batch = normalise.spans(raw, window or accepted_window(now), masker)
    spans = SpanBatch(project_id, batch.rows, writer.pack(batch.rows))
    reported = _reported(raw.rows, batch.rows, masker)
    return PreparedSpans(spans, batch.refused, _masked(masker), reported)


def _reported(raw: Sequence[RawSpan], rows: Sequence[SpanRow], masker: Masker | None) -> Sequence[Reported]:
    """What those of the spans report that are taken. Nearly always nothing."""
    found = [said for one in raw if (said := reported_by(one)) is not None]
    if not found:
        return ()
    taken = {(row.trace_id, row.span_id) for row in rows}
    return reported_outcomes.masked([one for one in found if (one.trace_id, one.span_id) in taken], masker)


def store_spans(project_id: int, raw: Batch[RawSpan], now: datetime, *, window: Window | None = None) -> Outcome:
    """Stores spans with everything derived from them. When this returns, they are committed."""
    prepared = prepare_spans(project_id, raw, now, window=window)
    return prepared.outcome(_commit([prepared], now)[0])


def spans_coming() -> AbstractContextManager[None]:
    """Announces spans that will be submitted: whoever is about to commit others waits a moment for them."""
    return _writer.coming()


def submit_spans(prepared: PreparedSpans) -> "Future[Written]":
    """Like the second half of `store_spans`, but together with whoever else is storing spans in this process.

    The future fails with a database error when nothing was stored.
    """
    return _writer.submit(prepared)


def _commit_group(prepared: Sequence[PreparedSpans]) -> Sequence[Written]:
    return _commit(prepared, clock.now())


_writer: GroupWriter[PreparedSpans, Written] = GroupWriter(
    _commit_group, size=lambda prepared: len(prepared.batch.rows), most=MOST_ROWS_PER_COMMIT, writers=WRITERS
)


def _commit(prepared: Sequence[PreparedSpans], now: datetime) -> list[Written]:
    times = {"metrics_span": [row.start_ns for one in prepared for row in one.batch.rows]}
    return _in_partitions(times, lambda: _write_spans(prepared, now))


def _masked(masker: Masker | None) -> Counter[str]:
    return Counter() if masker is None else masker.counts


def store_logs(project_id: int, raw: Batch[RawLog], now: datetime, *, window: Window | None = None) -> Outcome:
    """Stores log records, and the scores that some of them are. When this returns, they are committed."""
    masker = masking.masker(project_id)
    batch = signals.logs(raw, window or accepted_window(now), masker)
    times = {"metrics_log": [row.time_ns for row in batch.rows]}

    def write() -> Written:
        written = writer.write_logs(project_id, batch.rows, now)
        scores.from_logs(project_id, batch.rows, now)
        if written.stored:
            masking.record(project_id, now.date(), _masked(masker))
            live.publish(live.project_group(project_id, "metrics"), logs=written.stored)
        return written

    return _outcome(batch, _in_partitions(times, write))


def store_points(project_id: int, raw: Batch[RawPoint], now: datetime, *, window: Window | None = None) -> Outcome:
    """Stores metric points. When this returns, they are committed."""
    masker = masking.masker(project_id)
    batch = signals.points(raw, window or accepted_window(now), masker)
    times = {"metrics_point": [row.time_ns for row in batch.rows]}

    def write() -> Written:
        written = _write_points(project_id, batch.rows, now)
        if written.stored:
            masking.record(project_id, now.date(), _masked(masker))
        return written

    return _outcome(batch, _in_partitions(times, write))


def store_events(project_id: int, batch: Events, now: datetime, *, window: Window | None = None) -> None:
    """Stores a plain JSON batch, all of it or nothing. Raises Invalid when a row cannot be kept."""
    window = window or accepted_window(now)
    masker = masking.masker(project_id)
    spans: Sequence[SpanRow] = _all(normalise.spans, batch.spans, "spans", window, masker)
    points = _all(signals.points, batch.points, "metrics", window, masker)
    beats = [_beat(one, now, masker) for one in batch.heartbeats]

    def write() -> None:
        written = writer.write_spans([SpanBatch(project_id, spans, writer.pack(spans))], now)[0]
        if written.refused:
            raise Invalid({"spans": [written.explain()]})
        if written.stored:
            live.publish(live.project_group(project_id, "metrics"), spans=written.stored)
        news = written.stored + _write_points(project_id, points, now).stored
        if news:
            masking.record(project_id, now.date(), _masked(masker))
        heartbeats.record(project_id=project_id, beats=beats)

    times = {"metrics_span": [row.start_ns for row in spans], "metrics_point": [row.time_ns for row in points]}
    _in_partitions(times, write)


def _beat(event: HeartbeatEvent, now: datetime, masker: Masker | None) -> heartbeats.Beat:
    at = now if event.time_ns is None else from_ns(event.time_ns)
    # An agent whose clock runs ahead would otherwise look alive for as long as it was ahead.
    said = [event.components, event.circuit_breakers]
    components, breakers = said if masker is None else [masker.value(one) for one in said]
    return heartbeats.Beat(event.agent, event.status, min(at, now), components, breakers)


Raw = TypeVar("Raw")


def _all(
    turn: Callable[[Batch[Raw], Window, Masker | None], Batch[Row]],
    raw: Sequence[Raw],
    name: str,
    window: Window,
    masker: Masker | None,
) -> Sequence[Row]:
    batch = turn(Batch(rows=list(raw)), window, masker)
    if batch.refused:
        raise Invalid({name: [batch.explain()]})
    return batch.rows


def _in_partitions(times_ns: Mapping[str, list[int]], write: Callable[[], Result]) -> Result:
    """Runs `write` in a transaction, or a savepoint of the caller's, with partitions of tables for rows at times.

    All partitions first: their lock must never be waited for while holding those of traces.
    """
    for table, times in times_ns.items():
        partitions.ensure(table, times)
    try:
        with transaction.atomic():
            return write()
    except Error as error:
        if getattr(error.__cause__, "sqlstate", "") != NO_PARTITION:
            raise
    partitions.forget()
    for table, times in times_ns.items():
        partitions.ensure(table, times)
    with transaction.atomic():
        return write()


def _outcome(batch: Batch[Any], written: Written) -> Outcome:
    batch.refused.update(written.refused)
    return Outcome(len(batch.rows) - written.refused.total(), written.stored, batch.refused.total(), batch.explain())


def _write_spans(prepared: Sequence[PreparedSpans], now: datetime) -> list[Written]:
    written = writer.write_spans([one.batch for one in prepared], now)
    stored: Counter[int] = Counter()
    masked: dict[int, Counter[str]] = {}
    reported = [(one.batch.project_id, said) for one in prepared for said in one.reported]
    if reported:
        reported_outcomes.note(found=reported, now=now)
    for one, done in zip(prepared, written, strict=True):
        stored[one.batch.project_id] += done.stored
        # What is sent again was counted when it was stored.
        if done.stored:
            masked.setdefault(one.batch.project_id, Counter()).update(one.masked)
    for project_id, counts in sorted(masked.items()):
        masking.record(project_id, now.date(), counts)
        live.publish(live.project_group(project_id, "metrics"), spans=stored[project_id])
    return written


def _write_points(project_id: int, rows: Sequence[PointRow], now: datetime) -> Written:
    written = writer.write_points(project_id, rows, now)
    if written.stored:
        live.publish(live.project_group(project_id, "metrics"), points=written.stored)
    return written
