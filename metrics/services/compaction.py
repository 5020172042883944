"""Longer periods out of minutes: who marks what has changed, and who computes it anew.

Ingest writes minutes only. Whoever changes minutes calls `mark` in the same transaction, and every longer period that
is compacted already is stale from that commit on, so that readers pass it over (`metrics.resolutions`). `run` computes
stale periods anew, and moves on with the clock. It may be interrupted anywhere: what is not done stays marked.

A mark stands for changes that are committed once it can be taken, because whoever relies on it holds it locked until
then. So a period is right when its mark is taken first, its rows are computed then, and nobody marked it again.
"""

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.utils import OperationalError

from agents.models import Project
from console.lib.sql import load
from metrics.ingest.recount import REBUILD_LOCK
from metrics.resolutions import COMPACTED, MINUTE, SPEND, segments
from metrics.selectors import rollups
from metrics.services import spend
from metrics.times import EPOCH

# Class of PostgreSQL's two-part advisory locks: only one compacts a project at a time.
LOCK = 0x48524343
# Most of what belongs to a period has come this long after its end; what comes later makes it stale.
GRACE = timedelta(minutes=2)
# So many periods become part of a resolution at once, while ingest of the project waits.
MOST_NEW = 2_000
# Marks of one project that are worked off before the next project has its turn.
SLICE = 20
SLOW_LOCK = "2s"
ALL_OF_IT = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Compacted:
    """What a run did. Not `finished`: it ran out of time, the next one goes on."""

    periods: int = 0
    days: int = 0
    finished: bool = True


def marks(project_id: int, minutes: Collection[int], *, trace_starts: Collection[int] = ()) -> dict[str, Any]:
    """What must be computed anew because rollup rows of these minutes changed, as parameters of `mark_stale`.

    `minutes` and `trace_starts` in seconds since 1970. A trace's spend counts on the day it began: `trace_starts` are
    the stored starts of touched traces as they were before this transaction, as far as they are known.
    """
    return {"project": project_id, "minutes": list(minutes), "trace_starts": list(trace_starts)}


def mark(cursor: CursorWrapper, parameters: Mapping[str, Any]) -> None:
    """Marks what `marks` has found.

    Must run in a transaction of isolation READ COMMITTED that already holds the project's rebuild lock (shared or not),
    once, and as late as possible: the marks stay locked until it ends.
    """
    missing = True
    while missing:
        cursor.execute(load("metrics", "mark_stale"), parameters)
        missing = bool(cursor.fetchone()[0])


@dataclass(slots=True)
class _Reached:
    """How far a run has come with a project's marks: the last period and the last day that it took up."""

    seconds: int = 0
    start: datetime = ALL_OF_IT
    day: datetime = ALL_OF_IT


def run(
    *, now: datetime, projects: Iterable[int] | None = None, seconds: float = 10.0, pause: bool = True
) -> Compacted:
    """Moves all projects (or some) on to `now` and computes stale periods anew, for about `seconds`.

    Fine resolutions first, the latest periods first. Each once: what is marked again meanwhile, as all periods are in
    which something arrives without end, is for the next run. Whoever finds a project being compacted passes it over.
    Without `pause` the spend of a day that was computed a moment ago is computed again.
    """
    done, reached = Compacted(), defaultdict[int, _Reached](_Reached)
    stop = time.monotonic() + seconds
    waiting = list(Project.objects.values_list("pk", flat=True) if projects is None else projects)
    for project_id in waiting:
        _advance(project_id, now)
    while waiting:
        waiting = [one for one in waiting if _slice(one, now, stop, done, reached[one], pause=pause)]
        if waiting and time.monotonic() >= stop:
            done.finished = False
            break
    return done


def _advance(project_id: int, now: datetime) -> None:
    """Lets every resolution answer for the periods that have ended. They are stale until they are computed."""
    targets = {seconds: _floor(now - GRACE, seconds) for seconds in COMPACTED}
    with transaction.atomic(), connection.cursor() as cursor:
        if not _behind(cursor, project_id, targets) or not _alone(cursor, project_id):
            return
        cursor.execute(f"SET LOCAL lock_timeout = '{SLOW_LOCK}'")
        try:
            with transaction.atomic():
                # Nobody is between reading until when a resolution answers and committing a change of its minutes.
                cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [REBUILD_LOCK, project_id % 2**31])
        except OperationalError:
            return  # a long import: those who wait for it must not wait for us as well
        for seconds, since in _behind(cursor, project_id, targets).items():
            _advance_one(cursor, project_id, seconds, since, targets[seconds])


def _behind(cursor: CursorWrapper, project_id: int, targets: dict[int, datetime]) -> dict[int, datetime | None]:
    """The resolutions that can move on, and until when they answer now (None: for nothing yet)."""
    cursor.execute("SELECT seconds, compacted_until FROM metrics_rollup_state WHERE project_id = %s", [project_id])
    until: dict[int, datetime] = dict(cursor.fetchall())
    return {
        seconds: until.get(seconds)
        for seconds, target in targets.items()
        if seconds not in until or until[seconds] < target
    }


def _advance_one(
    cursor: CursorWrapper, project_id: int, seconds: int, since: datetime | None, target: datetime
) -> None:
    length = timedelta(seconds=seconds)
    parameters: dict[str, Any] = {
        "project": project_id,
        "seconds": MINUTE,
        "length": length,
        "since": since or EPOCH,
        "until": target,
        "limit": MOST_NEW,
    }
    cursor.execute(load("metrics", "filled_periods"), parameters)
    found = [start for (start,) in cursor.fetchall()]
    reached = found[-1] + length if len(found) == MOST_NEW else target
    cursor.execute(
        "INSERT INTO metrics_rollup_stale (project_id, seconds, start) SELECT %s, %s, unnest(%s::timestamptz[]) "
        "ON CONFLICT DO NOTHING",
        [project_id, seconds, found],
    )
    cursor.execute(
        "INSERT INTO metrics_rollup_state (project_id, seconds, compacted_until) VALUES (%s, %s, %s) "
        "ON CONFLICT (project_id, seconds) DO UPDATE SET compacted_until = excluded.compacted_until",
        [project_id, seconds, reached],
    )


def _slice(project_id: int, now: datetime, stop: float, done: Compacted, reached: _Reached, *, pause: bool) -> bool:
    """Works off some marks of a project; whether it may have more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT seconds, start FROM metrics_rollup_stale WHERE project_id = %s "
            "AND (seconds > %s OR seconds = %s AND start < %s) AND seconds > 0 ORDER BY seconds, start DESC LIMIT %s",
            [project_id, reached.seconds, reached.seconds, reached.start, SLICE],
        )
        marks: list[tuple[int, datetime]] = cursor.fetchall()
        # Beside the periods and not behind them: after a rebuild of a year these are many.
        days = [(SPEND, day) for day in spend.due(cursor, project_id, now, reached.day, SLICE, pause=pause)]
    for seconds, start in [*days, *marks]:
        if time.monotonic() >= stop:
            return True
        if seconds == SPEND:
            reached.day = start
        else:
            reached.seconds, reached.start = seconds, start
        if not (_take(project_id, seconds, start) and _compute(project_id, seconds, start, now)):
            return False
        done.periods += seconds > 0
        done.days += seconds == SPEND
    return bool(marks) or len(days) == SLICE


def _take(project_id: int, seconds: int, start: datetime) -> bool:
    """Takes a mark, as soon as everybody who relies on it has committed. Who waits here holds nothing else."""
    with transaction.atomic(), connection.cursor() as cursor:
        if not _alone(cursor, project_id):
            return False
        # Those who rely on it may follow each other without a gap: then it is somebody else's turn.
        cursor.execute(f"SET LOCAL lock_timeout = '{SLOW_LOCK}'")
        try:
            with transaction.atomic():
                parameters: dict[str, Any] = {"project": project_id, "seconds": seconds, "start": start}
                cursor.execute(load("metrics", "take_mark"), parameters)
        except OperationalError:
            return False
        return True


def _compute(project_id: int, seconds: int, start: datetime, now: datetime) -> bool:
    with transaction.atomic(), connection.cursor() as cursor:
        if not _alone(cursor, project_id):
            return False
        if seconds == SPEND:
            spend.compute(cursor, project_id, start.date(), now)
        else:
            _compact(cursor, project_id, seconds, start)
        cursor.execute(
            "DELETE FROM metrics_rollup_stale WHERE project_id = %s AND seconds = %s AND start = %s AND taken",
            [project_id, seconds, start],
        )
        return True


def _compact(cursor: CursorWrapper, project_id: int, seconds: int, start: datetime) -> None:
    """Computes the rows of a period from finer ones, as far as those are right.

    What changes between reading which are right and reading them marks this period again.
    """
    end = start + timedelta(seconds=seconds)
    first, last = _epoch(start), _epoch(end)
    finer = COMPACTED[: COMPACTED.index(seconds)]
    parts = segments([first, last], rollups.state(project_id, start, end), finer)
    cursor.execute(
        "DELETE FROM metrics_rollup WHERE project_id = %s AND seconds = %s AND start = %s", [project_id, seconds, start]
    )
    parameters = {"project": project_id, "seconds": seconds, "start": first}
    cursor.execute(rollups.among("compact_period", parts), parameters)


def _alone(cursor: CursorWrapper, project_id: int) -> bool:
    """Whether nobody else compacts this project until this transaction ends."""
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK, project_id % 2**31])
    return bool(cursor.fetchone()[0])


def _floor(moment: datetime, seconds: int) -> datetime:
    return moment - (moment - EPOCH) % timedelta(seconds=seconds)


def _epoch(moment: datetime) -> int:
    return int((moment - EPOCH).total_seconds())
