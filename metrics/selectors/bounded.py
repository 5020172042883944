"""Newest-first lists of what grows without bound, filtered by what no index knows: read so many rows and then stop.

A list is read in slices off an index that yields the rows in the order in which they are shown. Whoever is not done
when the budget is used up says how far back it looked and goes on from there when asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection

SLICE_ROWS = 5_000
ROWS_PER_REQUEST = 20_000


@dataclass(frozen=True, slots=True)
class Place:
    """A row of such a list: its time in nanoseconds and its id within that time."""

    ns: int
    id: Any


@dataclass(frozen=True, slots=True)
class Ordered:
    """A table and the columns that order it. All names are ours, never a caller's text."""

    table: str
    ns: str
    id: str


@dataclass(frozen=True, slots=True)
class Slice:
    """Matching places of up to SLICE_ROWS rows; `end` is where the next slice begins, None when there is none."""

    places: list[Place]
    end: Place | None


def next_slice(
    of: Ordered,
    *,
    project_id: int,
    driver: str,
    fits: str,
    parameters: Mapping[str, Any],
    start_ns: int | None,
    end_ns: int | None,
    after: Place | None,
) -> Slice:
    """The next rows behind `after`, newest first, from `start_ns` to before `end_ns`. One query over SLICE_ROWS rows.

    `driver` is a condition that an index in the order of the list serves, `fits` what else a row must be; both are SQL
    of ours with named parameters.
    """
    bounds, limits = _bounds(of, start_ns, end_ns, after)
    given = {**parameters, **limits, "project": project_id, "rows": SLICE_ROWS}
    statement = f"""
        WITH slice AS MATERIALIZED (
            SELECT {of.ns} AS ns, {of.id} AS id, ({fits}) AS fits
            FROM {of.table} WHERE project_id = %(project)s AND {" AND ".join([driver, *bounds])}
            ORDER BY {of.ns} DESC, {of.id} DESC LIMIT %(rows)s
        ), numbered AS (
            SELECT *, row_number() OVER (ORDER BY ns DESC, id DESC) AS place, count(*) OVER () AS total FROM slice
        )
        SELECT ns, id, fits, place, total FROM numbered WHERE fits OR place = total ORDER BY place
        """  # noqa: S608 - names of our own tables, values as parameters
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        rows = [(Place(ns, bytes(id) if isinstance(id, memoryview) else id), *rest) for ns, id, *rest in cursor]
    full = bool(rows) and rows[-1][3] == SLICE_ROWS
    return Slice([place for place, fits, *_ in rows if fits], rows[-1][0] if full else None)


def _bounds(
    of: Ordered, start_ns: int | None, end_ns: int | None, after: Place | None
) -> tuple[list[str], dict[str, Any]]:
    """The conditions on time and place, and their parameters."""
    bounds: list[str] = []
    given: dict[str, Any] = {}
    for name, value, operator in (("start", start_ns, ">="), ("end", end_ns, "<")):
        if value is not None:
            bounds.append(f"{of.ns} {operator} %({name}_ns)s")
            given[f"{name}_ns"] = value
    if after is not None:
        # The first condition alone lets PostgreSQL pass over the partitions of later days.
        bounds.append(f"{of.ns} <= %(after_ns)s AND ({of.ns}, {of.id}) < (%(after_ns)s, %(after_id)s)")
        given |= {"after_ns": after.ns, "after_id": after.id}
    return bounds, given
