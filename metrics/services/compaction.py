"""Longer periods out of minutes: who marks what has changed, and who computes it anew.

Ingest writes minutes only. Whoever changes minutes calls `mark` in the same transaction, and every longer period that
is compacted already is stale from that commit on, so that readers pass it over (`metrics.resolutions`).
"""

from collections.abc import Collection
from typing import Any

from django.db.backends.utils import CursorWrapper

from console.lib.sql import load


def mark(
    cursor: CursorWrapper, project_id: int, minutes: Collection[int], *, trace_starts: Collection[int] = ()
) -> None:
    """Marks what must be computed anew because rollup rows of these minutes changed.

    `minutes` and `trace_starts` in seconds since 1970. A trace's spend counts on the day it began: `trace_starts` are
    the stored starts of touched traces as they were before this transaction, as far as they are known.

    Must run in a transaction of isolation READ COMMITTED that already holds the project's rebuild lock (shared or not),
    once, and as late as possible: the marks stay locked until it ends.
    """
    parameters: dict[str, Any] = {
        "project": project_id,
        "minutes": list(minutes),
        "trace_starts": list(trace_starts),
    }
    missing = bool(minutes or trace_starts)
    while missing:
        cursor.execute(load("metrics", "mark_stale"), parameters)
        missing = bool(cursor.fetchone()[0])
