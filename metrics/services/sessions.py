"""Summaries of sessions, made off the hot path: ingest notes which sessions changed, a task makes them anew.

A summary lags its traces by the period of the task. It is always computed from all traces of the session, so nothing
has to be added up twice or taken back when a trace changes sessions.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from console.lib import live
from console.lib.sql import load

# One refresher at a time: a slower one could otherwise store an older sum over a newer one.
REFRESH_LOCK = 0x48525353
SESSIONS_PER_ROUND = 2_000
QUEUE_ROWS_READ = 80_000
# A session of more traces than this is made anew only when it has not been for a while.
LARGE_TRACES = 2_000
LARGE_EVERY = timedelta(minutes=1)
# Agents and models are named from this many of the latest traces.
TRACES_NAMED = 200


def touch(cursor: CursorWrapper, project_id: int, session_ids: Iterable[str]) -> None:
    """Notes in the caller's transaction that traces of these sessions changed; empty ids are no sessions."""
    touched = sorted({session_id for session_id in session_ids if session_id})
    if touched:
        parameters: dict[str, Any] = {"project": project_id, "sessions": touched}
        cursor.execute(load("metrics", "touch_sessions"), parameters)


def refresh(*, now: datetime) -> int:
    """Makes anew the summaries of sessions that changed, and returns how many. Does nothing while another one is at it.

    Each round takes its sessions out of the queue and stores their summaries in one transaction: what is noted while
    it runs stays in the queue for the next round.
    """
    done = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [REFRESH_LOCK])
            (free,) = cursor.fetchone()
            found = _take(cursor, now) if free else []
            for project_id, session_ids in found:
                _store(cursor, project_id, session_ids, now)
                live.publish(live.project_group(project_id, "metrics"), sessions=len(session_ids))
        count = sum(len(session_ids) for _, session_ids in found)
        done += count
        if count < SESSIONS_PER_ROUND:
            return done


def _take(cursor: CursorWrapper, now: datetime) -> list[tuple[int, list[str]]]:
    parameters: dict[str, Any] = {
        "rows": QUEUE_ROWS_READ,
        "sessions": SESSIONS_PER_ROUND,
        "large": LARGE_TRACES,
        "not_since": now - LARGE_EVERY,
    }
    cursor.execute(load("metrics", "take_stale_sessions"), parameters)
    by_project: dict[int, set[str]] = defaultdict(set)
    for project_id, session_id in cursor.fetchall():
        by_project[project_id].add(session_id)
    return [(project_id, sorted(session_ids)) for project_id, session_ids in sorted(by_project.items())]


def _store(cursor: CursorWrapper, project_id: int, session_ids: list[str], now: datetime) -> None:
    parameters: dict[str, Any] = {"project": project_id, "sessions": session_ids, "named": TRACES_NAMED, "now": now}
    cursor.execute(load("metrics", "refresh_sessions"), parameters)
