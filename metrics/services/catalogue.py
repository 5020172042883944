"""The catalogue of metrics and their series, kept by ingest so that nobody has to look for them among the points."""

import threading
from collections.abc import Sequence
from typing import Any

import orjson
from django.db import connection
from django.db.backends.utils import CursorWrapper

from console.lib.sql import load
from metrics.ingest.rows import PointRow
from metrics.times import NS_PER_DAY, NS_PER_MINUTE

# Series of one metric that had points within a day. Points beyond are stored, but no page or question finds them.
MOST_SERIES_PER_DAY = 10_000
STALE_NS = NS_PER_MINUTE
REMEMBERED = 50_000

SeriesKey = tuple[str, int, str, bytes]  # database, project, metric, series


class Recent:
    """What this process has lately told the catalogue: first and last time of each series. Only spares work."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: dict[SeriesKey, tuple[int, int]] = {}
        self._lock = threading.Lock()

    def news(self, key: SeriesKey, first_ns: int, last_ns: int) -> bool:
        """Whether the catalogue should hear of points of a series from `first_ns` to `last_ns`."""
        known = self._seen.get(key)
        return known is None or first_ns < known[0] or last_ns > known[1] + STALE_NS

    def remember(self, told: dict[SeriesKey, tuple[int, int]]) -> None:
        """Notes what has been committed."""
        with self._lock:
            if len(self._seen) + len(told) > self._most:
                self._seen.clear()
            for key, (first_ns, last_ns) in told.items():
                known = self._seen.get(key, (first_ns, last_ns))
                self._seen[key] = (min(known[0], first_ns), max(known[1], last_ns))


recent = Recent(REMEMBERED)


def note(cursor: CursorWrapper, project_id: int, rows: Sequence[PointRow]) -> None:
    """Enters the series of new points into the catalogue, in the caller's transaction. At most one statement."""
    database = str(connection.settings_dict["NAME"])
    told: dict[SeriesKey, tuple[int, int]] = {}
    examples: dict[SeriesKey, PointRow] = {}
    for row in rows:
        key = (database, project_id, row.name, row.series)
        first_ns, last_ns = told.get(key, (row.time_ns, row.time_ns))
        told[key] = (min(first_ns, row.time_ns), max(last_ns, row.time_ns))
        examples[key] = row
    news = {key: span for key, span in told.items() if recent.news(key, *span)}
    if not news:
        return
    entries = [_entry(examples[key], *span) for key, span in sorted(news.items())]
    parameters: dict[str, Any] = {
        "project": project_id,
        "rows": orjson.dumps(entries).decode(),
        "most": MOST_SERIES_PER_DAY,
        "day_ns": NS_PER_DAY,
        "stale_ns": STALE_NS,
    }
    cursor.execute(load("metrics", "merge_series"), parameters)
    connection.on_commit(lambda: recent.remember(news))


def _entry(row: PointRow, first_ns: int, last_ns: int) -> dict[str, Any]:
    return {
        "name": row.name,
        "kind": row.kind,
        "series": "\\x" + row.series.hex(),
        "temporality": row.temporality,
        "monotonic": row.monotonic,
        "unit": row.unit,
        "attributes": orjson.Fragment(row.attributes),
        "service": row.service,
        "environment": row.environment,
        "first_ns": first_ns,
        "last_ns": last_ns,
    }
