"""Daily partitions of the big tables: made when telemetry of a day arrives, dropped when the day has expired."""

import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from django.db import OperationalError, connection, transaction

from metrics.times import NS_PER_DAY, to_ns

logger = logging.getLogger(__name__)

TABLES = ("metrics_span", "metrics_log", "metrics_point", "metrics_search", "metrics_flag")
# Any two processes that make or drop partitions take turns.
LOCK_KEY = 0x48524450
EPOCH = date(1970, 1, 1)

# Days that are known to exist, per database (tests have several). Only a hint: see `forget`.
_known: set[tuple[str, str, int]] = set()


def ensure(table: str, times_ns: Iterable[int]) -> None:
    """Makes the partitions of `table` that rows at these times need. Safe to call from any number of processes."""
    database = str(connection.settings_dict["NAME"])
    missing = {day for day in {time // NS_PER_DAY for time in times_ns} if (database, table, day) not in _known}
    if not missing:
        return
    remember = not connection.in_atomic_block  # inside a transaction it may yet be rolled back
    absent = missing - _existing(table, missing)
    if absent:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_KEY])
            for day in sorted(absent - _existing(table, absent)):
                name = _name(table, day)
                # Attached rather than created in place: attaching does not hold up the writers of other days.
                cursor.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)")
                cursor.execute(
                    f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM (%s) TO (%s)",
                    [day * NS_PER_DAY, (day + 1) * NS_PER_DAY],
                )
    if remember:
        _known.update((database, table, day) for day in missing)


def days(table: str) -> list[datetime]:
    """The UTC days that have a partition, in order."""
    return [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in sorted(map(_day, _names(table)))]


def forget() -> None:
    """Drops what this process believes about existing partitions: another one may have dropped some."""
    _known.clear()


def ensure_around(now: datetime, *, days_ahead: int = 2) -> None:
    """Makes the partitions of today and the next days, so that midnight costs no request anything."""
    today = to_ns(now) // NS_PER_DAY
    for table in TABLES:
        ensure(table, [(today + offset) * NS_PER_DAY for offset in range(days_ahead + 1)])


def drop_before(now: datetime, *, keep_days: int, tables: Sequence[str] = TABLES) -> list[str]:
    """Drops partitions whose last moment is more than `keep_days` days ago; returns their names."""
    first_kept = (now.astimezone(UTC) - timedelta(days=keep_days)).date()
    dropped: list[str] = []
    for table in tables:
        dropped += [name for name in _names(table) if _day(name) < first_kept and _drop(name)]
    if dropped:
        forget()
    return dropped


def _drop(name: str) -> bool:
    """Drops a partition; better at the next run than that writers queue behind a long reader."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '5s'")
            cursor.execute(f"DROP TABLE IF EXISTS {name}")
    except OperationalError:
        logger.warning("partition_in_use", extra={"partition": name})
        return False
    return True


def _name(table: str, day: int) -> str:
    return f"{table}_p{EPOCH + timedelta(days=day):%Y%m%d}"


def _day(name: str) -> date:
    return datetime.strptime(name.rpartition("_p")[2], "%Y%m%d").replace(tzinfo=UTC).date()


def _names(table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass ORDER BY 1", [table]
        )
        return [str(name) for (name,) in cursor.fetchall()]


def _existing(table: str, days: set[int]) -> set[int]:
    names = {_name(table, day): day for day in days}
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relispartition AND relname = ANY(%s)", [list(names)])
        return {names[name] for (name,) in cursor.fetchall()}
