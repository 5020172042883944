"""How many values rollups tell apart: at most CAP a project, day and dimension; those that come later are OTHER.

An agent that puts an id into span names would otherwise make a rollup row per span. The values of a day are written
down in `metrics_dimension` in the transaction that first uses them, so that a rebuild decides the same.
"""

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from django.db import connection
from django.db.backends.utils import CursorWrapper

from console.lib.sql import load
from metrics.ingest.tally import Dimensions
from metrics.resolutions import DAY, OTHER

CAP = 1_000
CAPPED = ("kind", "name", "agent", "agent_version", "environment", "model", "provider")
# Class of PostgreSQL's two-part advisory locks: whoever adds values of a project takes turns.
LOCK = 0x48524456
# Days of projects that a process remembers, of which one may take 1.5 MB. Late telemetry may bring any of the last 90:
# then some are read again.
MOST_DAYS = 64

# A UTC day as the number of days since 1970, a dimension and a value of it.
Used: TypeAlias = tuple[int, str, str]

_PLACES = tuple((name, Dimensions._fields.index(name)) for name in CAPPED)


@dataclass(slots=True)
class _Day:
    """What is committed of one project and day: values by dimension. A full dimension gets no more."""

    values: dict[str, set[str]] = field(default_factory=lambda: {name: {"", OTHER} for name in CAPPED})

    def full(self, name: str) -> bool:
        return len(self.values[name]) - 2 >= CAP


_known: OrderedDict[tuple[str, int, int], _Day] = OrderedDict()
_turn = threading.Lock()


def capped(cursor: CursorWrapper, project_id: int, used: Iterable[Dimensions]) -> dict[Dimensions, Dimensions]:
    """Those of `used` that have values beyond the cap, and what their figures count under instead.

    Writes new values down; must run in the transaction that writes the rollups, before it does. Without a query when
    this process knows all values.
    """
    every = list(used)
    days = {number: _day(project_id, number) for number in {one.minute // DAY for one in every}}
    added: set[Used] = set()
    unknown = _unknown(days, every)
    if unknown:
        _read(cursor, project_id, days, {number for number, _name, _value in unknown})
        unknown = _unknown(days, every)
    if unknown:
        added = _add(cursor, project_id, unknown)
    return {one: other for one in every if (other := _replaced(days, one, added)) != one}


def forget() -> None:
    """Drops what this process knows."""
    _known.clear()


def _unknown(days: Mapping[int, _Day], used: Iterable[Dimensions]) -> set[Used]:
    """What is neither known nor known to come too late."""
    found = set()
    for one in used:
        number = one.minute // DAY
        day = days[number]
        for name, place in _PLACES:
            if one[place] not in day.values[name] and not day.full(name):
                found.add((number, name, str(one[place])))
    return found


def _replaced(days: Mapping[int, _Day], one: Dimensions, added: Collection[Used]) -> Dimensions:
    number = one.minute // DAY
    known = days[number].values
    late = {
        place for name, place in _PLACES if one[place] not in known[name] and (number, name, one[place]) not in added
    }
    return Dimensions._make(OTHER if place in late else value for place, value in enumerate(one)) if late else one


def _read(cursor: CursorWrapper, project_id: int, days: Mapping[int, _Day], numbers: Collection[int]) -> None:
    """Reads days again, whole, so that a full one is known to be complete."""
    cursor.execute(
        "SELECT day - DATE '1970-01-01', dimension, value FROM metrics_dimension "
        "WHERE project_id = %s AND day = ANY (SELECT DATE '1970-01-01' + number FROM unnest(%s) AS number)",
        [project_id, list(numbers)],
    )
    for number, name, value in cursor.fetchall():
        days[number].values[name].add(value)


def _add(cursor: CursorWrapper, project_id: int, wanted: Collection[Used]) -> set[Used]:
    """Writes down as many as there is room for; returns those that have rows of their own, also if others added them.

    They are remembered only when they are read again: this transaction may yet be rolled back.
    """
    rows = sorted(wanted)
    cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, project_id % 2**31])
    cursor.execute(
        load("metrics", "add_dimensions"),
        {
            "project": project_id,
            "cap": CAP,
            "days": [number for number, _name, _value in rows],
            "names": [name for _number, name, _value in rows],
            "values": [value for _number, _name, value in rows],
        },
    )
    return {(number, name, value) for number, name, value in cursor.fetchall()}


def _day(project_id: int, number: int) -> _Day:
    key = (str(connection.settings_dict["NAME"]), project_id, number)
    with _turn:
        found = _known.get(key)
        if found is None:
            found = _known[key] = _Day()
            if len(_known) > MOST_DAYS:
                _known.popitem(last=False)
        else:
            _known.move_to_end(key)
    return found
