"""What telemetry is forgotten and when: whole days as partitions, the rest in batches."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from agents.models import Project
from metrics.services import partitions
from metrics.times import to_ns

BATCH_ROWS = 10_000

# (table, key columns, condition on the cutoff in nanoseconds or, for rollups, as a time)
_OWN_CUTOFF = (
    ("metrics_span", "ctid, tableoid", "start_ns < %(ns)s"),
    ("metrics_search", "ctid, tableoid", "start_ns < %(ns)s"),
    ("metrics_flag", "ctid, tableoid", "start_ns < %(ns)s"),
    ("metrics_log", "ctid, tableoid", "time_ns < %(ns)s"),
    ("metrics_point", "ctid, tableoid", "time_ns < %(ns)s"),
)
_NEVER_PARTITIONED = (
    ("metrics_trace", "ctid, tableoid", "end_ns < %(ns)s"),
    ("metrics_rollup", "ctid, tableoid", "start < %(moment)s"),
    ("metrics_dimension", "ctid, tableoid", "day < %(moment)s::date"),
    ("metrics_spend", "ctid, tableoid", "day < %(moment)s::date"),
    ("metrics_spend_day", "ctid, tableoid", "day < %(moment)s::date"),
    ("metrics_flag_count", "ctid, tableoid", "day < %(moment)s::date"),
    ("metrics_session", "ctid, tableoid", "last_ns < %(ns)s"),
    ("metrics_series", "ctid, tableoid", "last_ns < %(ns)s"),
    ("metrics_metric", "ctid, tableoid", "last_ns < %(ns)s"),
    # Scores are given after what they judge: they go a little later than their traces.
    ("metrics_score", "ctid, tableoid", "created_at < %(moment)s"),
)


@dataclass(slots=True)
class Dropped:
    """What a run of `drop_expired` took away."""

    partitions: list[str]
    rows: int = 0


def drop_expired(*, now: datetime) -> Dropped:
    """Forgets telemetry older than each project keeps it. Days that no project keeps go as whole partitions.

    A project without a number of days keeps everything for ever. Whole UTC days go at once, so that the rollups of a
    day never say less than its minutes.
    """
    keeps = dict(Project.objects.values_list("pk", "retention_days"))
    limited = {project_id: days for project_id, days in keeps.items() if days is not None}
    if not limited:
        return Dropped([])
    # While one project keeps everything, no day can go as a whole.
    longest = max(limited.values()) if len(limited) == len(keeps) else None
    dropped = Dropped([] if longest is None else partitions.drop_before(now, keep_days=longest))
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for project_id, days in limited.items():
        # A project that keeps as long as any loses its rows with the partitions.
        tables = _NEVER_PARTITIONED if days == longest else _OWN_CUTOFF + _NEVER_PARTITIONED
        for table, columns, condition in tables:
            dropped.rows += _delete(table, columns, condition, project_id, midnight - timedelta(days=days))
    return dropped


def _delete(table: str, columns: str, condition: str, project_id: int, cutoff: datetime) -> int:
    """Deletes in batches, so that no transaction holds many rows for long."""
    total = 0
    parameters: dict[str, Any] = {
        "project": project_id,
        "ns": to_ns(cutoff),
        "moment": cutoff,
        "limit": BATCH_ROWS,
    }
    statement = (
        f"DELETE FROM {table} WHERE ({columns}) IN "  # noqa: S608  # names of our own tables, values as parameters
        f"(SELECT {columns} FROM {table} WHERE project_id = %(project)s AND {condition} LIMIT %(limit)s)"
    )
    while True:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            deleted = int(cursor.rowcount)
            total += deleted
            if deleted < BATCH_ROWS:
                return total
