"""Rebuilding what is derived from spans: the figures must come out the same as ingest left them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from console.lib.sql import load
from metrics.ingest import recount, writer
from metrics.ingest.tally import Measured, Tally
from metrics.resolutions import QUARTER
from metrics.services import compaction, sessions
from metrics.times import NS_PER_SECOND, to_ns

CHUNK = timedelta(hours=1)


@dataclass(slots=True)
class Rebuilt:
    """How much a rebuild went through, and how many spans had changed sides in the counting of usage."""

    spans: int = 0
    traces: int = 0
    turned_over: int = 0


def rebuild(*, project_id: int, start: datetime, end: datetime) -> Rebuilt:
    """Computes rollups and trace sums of a project anew for the minutes from `start` to before `end`.

    Works hour by hour, each hour in a transaction during which ingest of the project waits. The ends are
    widened to whole minutes. Longer periods and the spend of these days are stale afterwards, until they are
    computed anew too (`metrics.services.compaction`).
    """
    done = Rebuilt()
    for chunk_start, chunk_end in _chunks(_floor(start), _floor(end + timedelta(minutes=1, microseconds=-1))):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [recount.REBUILD_LOCK, project_id % 2**31])
            _rebuild(cursor, project_id, chunk_start, chunk_end, done)
    return done


def _rebuild(cursor: CursorWrapper, project_id: int, start: datetime, end: datetime, done: Rebuilt) -> None:
    period = {"project": project_id, "start": to_ns(start), "end": to_ns(end)}
    cursor.execute(load("metrics", "traces_in_period"), period)
    traces = [bytes(trace_id) for (trace_id,) in cursor.fetchall()]
    cursor.execute(load("metrics", "stage"))
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
    compaction.mark(cursor, project_id, sums.minutes.union(quarters), trace_starts=began)
    done.spans += len(spans)
    done.traces += len(traces)


def _chunks(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    while start < end:
        following = min(start + CHUNK, end)
        yield start, following
        start = following


def _floor(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
