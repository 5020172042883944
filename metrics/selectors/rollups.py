"""Reading rollups: the coarsest resolution that fits, exact at every moment, one query whatever the range.

Whoever wants figures takes the `state` once, turns bins into segments (`metrics.resolutions`) and asks `rows` for them.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
import numpy.typing as npt
from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import Aggregate, BinaryField, DateField, DateTimeField, Func, IntegerField, Q, QuerySet, Value

from console.lib.sql import load
from metrics import histogram
from metrics.models import Rollup
from metrics.resolutions import MINUTE, Segment, State, segments
from metrics.times import EPOCH


def state(project_id: int, start: datetime, end: datetime) -> State:
    """What is compacted, and what of it is stale between two moments. One query."""
    with connection.cursor() as cursor:
        cursor.execute(load("metrics", "rollup_state"), {"project": project_id, "start": start, "end": end})
        found = cursor.fetchall()
    return State({seconds: until for seconds, until, _ in found}, {seconds: stale for seconds, _, stale in found})


def cover(edges: Sequence[datetime], known: State) -> list[Segment]:
    """The parts of the rollups that answer for the bins between `edges`; the ends are widened to whole minutes."""
    moments = [int((edge - EPOCH).total_seconds()) for edge in edges]
    moments[0] -= moments[0] % MINUTE
    end = edges[-1] + timedelta(seconds=MINUTE) - timedelta(microseconds=1)
    moments[-1] = int((end - EPOCH).total_seconds()) // MINUTE * MINUTE
    return segments(moments, known)


def rows(project_id: int, parts: Iterable[Segment], **conditions: Any) -> QuerySet[Rollup]:
    """The rollup rows of some parts."""
    chosen = [part for part in parts if part.start < part.end]
    if not chosen:
        return Rollup.objects.none()
    return Rollup.objects.filter(within(chosen), project_id=project_id, **conditions)


def within(parts: Iterable[Segment]) -> Q:
    """The condition that a row is of some parts, of which there is at least one."""
    chosen = (Q(seconds=part.seconds, start__gte=_moment(part.start), start__lt=_moment(part.end)) for part in parts)
    return reduce(or_, chosen)


def among(statement: str, parts: Iterable[Segment]) -> str:
    """A statement of `metrics/sql`, its condition `/* parts */ false` that of the rows of some parts.

    Written out rather than as parameters: with them the planner cannot tell a thousand rows from all, and reads all.
    """
    chosen = [
        f"seconds = {part.seconds} AND start >= to_timestamp({part.start}) AND start < to_timestamp({part.end})"
        for part in parts
    ]
    return load("metrics", statement).replace("/* parts */ false", " OR ".join(chosen) or "false")


def between(project_id: int, start: datetime, end: datetime, **conditions: Any) -> QuerySet[Rollup]:
    """The rollup rows that sum up a whole range. Takes the state by itself: one query before the one that it is for."""
    return rows(project_id, cover([start, end], state(project_id, start, end)), **conditions)


class Bin(Func):
    """The number of the bin, from 0, that a row belongs to; bins lie between sorted edges."""

    function = "width_bucket"
    template = "%(function)s(%(expressions)s) - 1"
    output_field = IntegerField()

    def __init__(self, edges: Sequence[date], column: str = "start") -> None:
        kind = DateTimeField() if isinstance(edges[0], datetime) else DateField()
        super().__init__(column, Value(list(edges[:-1]), output_field=ArrayField(kind)))


class Durations(Aggregate):
    """The histograms of all rows of a group in PostgreSQL's binary form, one after the other: see `merged`.

    An array of integers is sent as 20 bytes of header and 8 bytes for each element; an empty one has no such header.
    Longer periods have it ready.
    """

    template = "string_agg(coalesce(packed, substr(array_send(%(expressions)s), 21)), ''::bytea)"
    output_field = BinaryField()

    def __init__(self, **extra: Any) -> None:
        super().__init__("histogram", **extra)


def merged(raw: Iterable[bytes | memoryview | None]) -> list[int]:
    """The histogram of what `Durations` gave for some groups."""
    return histogram.merge([words(b"".join(one for one in raw if one is not None))])


def table(raw: Iterable[tuple[int, bytes | memoryview | None]], rows: int) -> npt.NDArray[np.int64]:
    """What `Durations` gave for groups that belong to rows: a histogram per row, a column per bucket from 0."""
    parts = [(row, words(one)) for row, one in raw if one is not None]
    if not parts:
        return np.zeros((rows, 0), dtype=np.int64)
    pairs = np.concatenate([flat for _, flat in parts]).reshape(-1, 2).astype(np.int64)
    places = np.repeat([row for row, _ in parts], [len(flat) // 2 for _, flat in parts])
    buckets = int(pairs[:, 0].max(initial=0)) + 1
    counts = np.bincount(places * buckets + pairs[:, 0], weights=pairs[:, 1], minlength=rows * buckets)
    return counts.astype(np.int64).reshape(rows, buckets)


def words(raw: bytes | memoryview) -> npt.NDArray[np.int32]:
    """The flat pairs of a histogram in the binary form of an array of integers, without its header of 20 bytes."""
    # Of each element the first four bytes are its length.
    return np.frombuffer(raw, dtype=">i4")[1::2]


def _moment(seconds: int) -> datetime:
    return EPOCH + timedelta(seconds=seconds)
