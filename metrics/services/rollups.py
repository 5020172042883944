"""Rebuilding what is derived from spans: the figures must come out the same as ingest left them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from console.lib.sql import load
from metrics.ingest import recount, writer
from metrics.ingest.tally import Measured, Tally
from metrics.resolutions import COMPACTED, MINUTE, QUARTER
from metrics.services import compaction, partitions, sessions
from metrics.times import EPOCH, NS_PER_SECOND, to_ns

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RESOLUTIONS = (MINUTE, *COMPACTED)


@dataclass(slots=True)
class Rebuilt:
    """How much a rebuild went through, and how many spans had changed sides in the counting of usage."""

    spans: int = 0
    traces: int = 0
    turned_over: int = 0


def rebuild(*, project_id: int, start: datetime, end: datetime) -> Rebuilt:
    """Computes rollups and trace sums of a project anew for the minutes from `start` to before `end`.

    Works hour by hour, each hour in a transaction during which ingest of the project waits; hours without spans or
    figures are passed over. The ends are widened to whole minutes. Longer periods and the spend of these days are
    stale afterwards, until they are computed anew too (`metrics.services.compaction`).
    """
    done = Rebuilt()
    first, last = _floor(start), _floor(end + timedelta(minutes=1, microseconds=-1))
    for chunk_start, chunk_end in _chunks(project_id, first, last):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [recount.REBUILD_LOCK, project_id % 2**31])
            _rebuild(cursor, project_id, chunk_start, chunk_end, done)
    return done


def _rebuild(cursor: CursorWrapper, project_id: int, start: datetime, end: datetime, done: Rebuilt) -> None:
    period = {"project": project_id, "start": to_ns(start), "end": to_ns(end)}
    cursor.execute(load("metrics", "traces_in_period"), period)
    traces = [bytes(trace_id) for (trace_id,) in cursor.fetchall()]
    sums = Tally()
    began: set[int] = set()
    if traces:
        stored = recount.known(cursor, project_id, traces, period["start"], period["end"])
        turned = recount.turn_over(cursor, project_id, stored, recount.decide(stored.nodes))
        # Minutes outside of this hour keep their rows and get the difference.
        sums.correct(one for one in turned if not period["start"] <= one.after.start_ns < period["end"])
        writer.recount_traces(cursor, project_id, traces, stored, period["end"])
        began = {first_ns // NS_PER_SECOND for first_ns, _session in stored.summaries.values()}
        sessions.touch(cursor, project_id, (session_id for _began, session_id in stored.summaries.values()))
        done.turned_over += len(turned)
    cursor.execute(
        "DELETE FROM metrics_rollup WHERE project_id = %s AND seconds = 60 AND start >= %s AND start < %s",
        [project_id, start, end],
    )
    cursor.execute(load("metrics", "measured_spans"), period)
    spans = [Measured(*row) for row in cursor.fetchall()]
    sums.add(spans)
    writer.merge_rollups(cursor, project_id, sums)
    # Also what has no minutes any more.
    quarters = range(to_ns(start) // NS_PER_SECOND // QUARTER * QUARTER, to_ns(end) // NS_PER_SECOND, QUARTER)
    compaction.mark(cursor, compaction.marks(project_id, sums.minutes.union(quarters), trace_starts=began))
    done.spans += len(spans)
    done.traces += len(traces)


def _chunks(project_id: int, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The hours from `start` to before `end` that hold anything of the project, the first and the last perhaps cut."""
    for day in _days(project_id, start, end):
        first, last = max(start, day), min(end, day + DAY)
        for hour in _hours(project_id, day, first, last):
            yield max(first, hour), min(last, hour + HOUR)


def _days(project_id: int, start: datetime, end: datetime) -> list[datetime]:
    """The UTC days that may hold spans, and those with figures."""
    since = start - (start - EPOCH) % DAY
    found = {day for day in partitions.days("metrics_span") if since <= day < end}
    period: dict[str, Any] = {"project": project_id, "start": since, "end": end}
    with connection.cursor() as cursor:
        cursor.execute(load("metrics", "filled_days"), period)
        found.update(day for (day,) in cursor.fetchall())
        for seconds in RESOLUTIONS:
            asked = {"seconds": seconds, "length": DAY, "since": since, "until": end, "limit": None}
            cursor.execute(load("metrics", "filled_periods"), period | asked)
            found.update(day for (day,) in cursor.fetchall())
    return sorted(found)


def _hours(project_id: int, day: datetime, start: datetime, end: datetime) -> list[datetime]:
    """The hours of a part of a day that hold spans or figures."""
    asked: dict[str, Any] = {
        "project": project_id,
        "day": day,
        "start": start,
        "end": end,
        "start_ns": to_ns(start),
        "end_ns": to_ns(end),
        "resolutions": list(RESOLUTIONS),
    }
    with connection.cursor() as cursor:
        cursor.execute(load("metrics", "filled_hours"), asked)
        return [EPOCH + HOUR * hour for (hour,) in cursor.fetchall()]


def _floor(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
