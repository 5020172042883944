"""What a day cost by end user, tag and team: computed off the hot path from the summaries of its traces.

A trace counts on the UTC day on which it began, whole, also when it goes on after midnight. The costliest values of a
day and dimension have rows of their own, all others are OTHER.
"""

import time
from datetime import date, datetime, timedelta
from math import inf
from typing import Any

from django.db.backends.utils import CursorWrapper

from console.lib.sql import load
from metrics.resolutions import OTHER
from metrics.services.dimensions import CAP
from metrics.times import EPOCH, NS_PER_DAY

# A day that still changes is computed at most this often, and at most this share of the time goes into it.
SHORTEST_PAUSE = timedelta(seconds=10)
MOST_OF_THE_TIME = 0.05


def due(
    cursor: CursorWrapper, project_id: int, now: datetime, before: datetime, limit: int, *, pause: bool
) -> list[datetime]:
    """The stale days that began `before` and are due at `now`, latest first; without `pause` all of them are due."""
    parameters: dict[str, Any] = {
        "project": project_id,
        "now": now,
        "before": before,
        "pause": SHORTEST_PAUSE if pause else timedelta(),
        "share": MOST_OF_THE_TIME if pause else inf,
        "limit": limit,
    }
    cursor.execute(load("metrics", "spend_due"), parameters)
    return [start for (start,) in cursor.fetchall()]


def compute(cursor: CursorWrapper, project_id: int, day: date, now: datetime) -> None:
    """Computes the spend of a UTC day anew."""
    began = time.monotonic()
    start = (day - EPOCH.date()).days * NS_PER_DAY
    cursor.execute("DELETE FROM metrics_spend WHERE project_id = %s AND day = %s", [project_id, day])
    parameters: dict[str, Any] = {
        "project": project_id,
        "day": day,
        "start": start,
        "end": start + NS_PER_DAY,
        "cap": CAP,
        "other": OTHER,
    }
    cursor.execute(load("metrics", "compute_spend"), parameters)
    cursor.execute(
        "INSERT INTO metrics_spend_day (project_id, day, computed_at, took_ms) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (project_id, day) DO UPDATE SET computed_at = excluded.computed_at, took_ms = excluded.took_ms",
        [project_id, day, now, round((time.monotonic() - began) * 1_000)],
    )
