"""Reading rollups: the coarsest resolution that fits, exact at every moment, one query whatever the range.

Whoever wants figures takes the `state` once, turns bins into segments (`metrics.resolutions`) and asks `rows` for them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
import numpy.typing as npt
from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import Aggregate, BinaryField, DateTimeField, Func, IntegerField, Q, QuerySet, Value

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
    chosen = [
        Q(seconds=part.seconds, start__gte=_moment(part.start), start__lt=_moment(part.end))
        for part in parts
        if part.start < part.end
    ]
    if not chosen:
        return Rollup.objects.none()
    return Rollup.objects.filter(reduce(or_, chosen), project_id=project_id, **conditions)


def between(project_id: int, start: datetime, end: datetime, **conditions: Any) -> QuerySet[Rollup]:
    """The rollup rows that sum up a whole range. Takes the state by itself: one query before the one that it is for."""
    return rows(project_id, cover([start, end], state(project_id, start, end)), **conditions)


class Bin(Func):
    """The number of the bin, from 0, that a row belongs to; bins lie between sorted edges."""

    function = "width_bucket"
    template = "%(function)s(%(expressions)s) - 1"
    output_field = IntegerField()

    def __init__(self, edges: Sequence[datetime]) -> None:
        super().__init__("start", Value(list(edges[:-1]), output_field=ArrayField(DateTimeField())))


class Durations(Aggregate):
    """The histograms of all rows of a group in PostgreSQL's binary form, one after the other: see `merged`.

    An array of integers is sent as 20 bytes of header and 8 bytes for each element; an empty one has no such header.
    """

    template = "string_agg(substr(array_send(%(expressions)s), 21), ''::bytea)"
    output_field = BinaryField()

    def __init__(self, **extra: Any) -> None:
        super().__init__("histogram", **extra)


def merged(raw: Iterable[bytes | memoryview | None]) -> list[int]:
    """The histogram of what `Durations` gave for some groups."""
    words: npt.NDArray[np.int32] = np.frombuffer(b"".join(one for one in raw if one is not None), dtype=">i4")
    # Of each element the first four bytes are its length.
    return histogram.merge([words[1::2].tolist()])


def _moment(seconds: int) -> datetime:
    return EPOCH + timedelta(seconds=seconds)
