"""What the spans themselves say, to hold what readers of rollups say against it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Sum

from metrics import histogram
from metrics.selectors import rollups
from metrics.times import to_ns

FIGURES = ("span_count", "error_count", "input_tokens", "output_tokens", "cost_nanos", "duration_sum_ns")
_KEYS = {"seconds", "status", "packed"}
Figures = dict[tuple[Any, ...], tuple[int, ...]]


def of_spans(project_id: int, edges: Sequence[datetime]) -> Figures:
    """Sums per bin, agent, model and status."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT width_bucket(start_ns, %s::bigint[]) - 1, agent, model, status, count(*), "
            "count(*) FILTER (WHERE status = 'error'), "
            "coalesce(sum(input_tokens) FILTER (WHERE usage_counted), 0), "
            "coalesce(sum(output_tokens) FILTER (WHERE usage_counted), 0), "
            "coalesce(sum(cost_nanos) FILTER (WHERE usage_counted), 0), sum(duration_ns) "
            "FROM metrics_span WHERE project_id = %s AND start_ns >= %s AND start_ns < %s GROUP BY 1, 2, 3, 4",
            [[to_ns(edge) for edge in edges[:-1]], project_id, to_ns(edges[0]), to_ns(edges[-1])],
        )
        return {tuple(row[:4]): tuple(int(value) for value in row[4:]) for row in cursor.fetchall()}


def of_rollups(project_id: int, edges: Sequence[datetime]) -> Figures:
    """The same as readers of rollups find it, with the segments that they would read."""
    parts = rollups.cover(edges, rollups.state(project_id, edges[0], edges[-1]))
    rows = (
        rollups.rows(project_id, parts).annotate(bin=rollups.Bin(edges)).values_list("bin", "agent", "model", "status")
    )
    found = rows.annotate(**{f"sum_{name}": Sum(name) for name in FIGURES}).order_by()
    return {
        tuple(row[:4]): tuple(int(value) for value in row[4:]) for row in found if any(row[4:])
    }  # rows that were corrected to nothing say nothing


def durations(project_id: int, start: datetime, end: datetime) -> list[int]:
    """The durations of all spans that began between two moments."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT duration_ns FROM metrics_span WHERE project_id = %s AND start_ns >= %s AND start_ns < %s",
            [project_id, to_ns(start), to_ns(end)],
        )
        return [duration for (duration,) in cursor.fetchall()]


def merged(project_id: int, start: datetime, end: datetime) -> list[int]:
    """The histogram of a range as readers find it."""
    rows = rollups.between(project_id, start, end)
    return rollups.merged(
        rows.values_list("project_id").annotate(all=rollups.Durations()).values_list("all", flat=True)
    )


def exact_histogram(durations_ns: Sequence[int]) -> list[int]:
    """The histogram of durations, without rollups."""
    return histogram.pairs(histogram.buckets(np.asarray(durations_ns)).tolist())


def stored(project_id: int) -> list[tuple[Any, ...]]:
    """All rollup rows, of all resolutions, with sorted histograms; without those that say nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM metrics_rollup WHERE project_id = %s", [project_id])
        names = [column.name for column in cursor.description]
        first = names.index("span_count")
        rows = []
        for row in cursor.fetchall():
            *figures, pairs = (
                row[names.index(name)] for name in names[first:] if name not in {"seconds", "status", "packed"}
            )
            if any(figures):
                key = [row[names.index(name)] for name in (*names[:first], "seconds", "status")]
                rows.append((*key, *figures, tuple(histogram.merge([pairs]))))
        return sorted(rows)


def spend(project_id: int) -> list[tuple[Any, ...]]:
    """All rows of the daily spend."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM metrics_spend WHERE project_id = %s ORDER BY day, dimension, value", [project_id])
        return list(cursor.fetchall())
