"""The first traces of a list that is sorted and filtered in any way, by one of two roads.

Reading along the index of the sort is quick when many traces match: the page is soon full. Gathering what matches by
the indexes of the filters and then sorting is quick when few do. PostgreSQL chooses between the two by assuming that
matches are spread evenly, and is off by seconds where they are not: an old version, sorted by start, is nowhere near
the newest traces. So the planner is asked for its estimate alone. Few matches are gathered; for many the index is read,
but only so far, and what then is not found is gathered after all.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from metrics.selectors.trace_conditions import NAME, TOKENS, Condition
from metrics.trace_filter import TEXT_SORTS, Order

# What gathering may cost, in PostgreSQL's unit, without further thought: five thousand pages here and there, or many
# more side by side.
CHEAP = 20_000
# Rows that are read along an index before the other road is taken. Those that started together lie together.
WALK_ROWS = 8_000
WALK_ROWS_BY_START = 40_000

_COLUMNS = {
    "start": "start_ns",
    "duration": "duration_ns",
    "cost": "cost_nanos",
    "tokens": TOKENS,
    "errors": "error_count",
    "spans": "span_count",
    "name": NAME,
    "user": "user_id",
    "session": "session_id",
}
# Conditions of the partial indexes by which text is sorted.
_SAID = {"user": "user_id <> ''", "session": "session_id <> ''"}


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a sorted list: the sort value, the id and the start of the trace there."""

    value: int | str
    trace_id: bytes
    start_ns: int = 0


@dataclass(frozen=True, slots=True)
class Matching:
    """What a trace must be: cheap conditions, and such as are better answered by a set of trace ids.

    `walked` is added where a single trace is looked at, which takes so long that at most `steps` are; `gathered` where
    the matches are collected; `few` says that they are known to be few.
    """

    project_id: int
    conditions: Sequence[Condition] = ()
    walked: Sequence[Condition] = ()
    gathered: Sequence[Condition] = ()
    steps: int | None = None
    few: bool | None = None
    only_failed: bool = False


def first(
    matching: Matching, order: Order, *, limit: int, beyond: Position | None = None, backwards: bool = False
) -> list[Position]:
    """Up to `limit` places in this order behind `beyond`, or, backwards, in front of it, nearest first."""
    ascending = order.ascending != backwards
    found: list[Position] = []
    for part in _parts(order.sort, ascending, matching.only_failed, beyond):
        found += _Scan(matching, part, ascending, beyond).run(limit - len(found))
        if len(found) == limit:
            break
    return found


@dataclass(frozen=True, slots=True)
class _Part:
    """A stretch of a list: rows that `condition` keeps, sorted by `keys`, the last of which is the trace id."""

    value: str
    keys: tuple[str, ...]
    condition: str = ""


def _parts(sort: str, ascending: bool, only_failed: bool, beyond: Position | None) -> list[_Part]:
    """One stretch, but two by errors: most traces have none and are in the order of their ids, which needs no index."""
    column = _COLUMNS[sort]
    if sort in TEXT_SORTS:
        # Many traces have one text: within it the indexes are in the order of the starts.
        return [_Part(column, (column, "start_ns", "trace_id"), _SAID.get(sort, ""))]
    if sort != "errors":
        return [_Part(column, (column, "trace_id"))]
    failed = _Part(column, (column, "trace_id"), "error_count > 0")
    clean = _Part("0", ("trace_id",), "error_count = 0")
    if only_failed:
        return [failed]
    parts = [clean, failed] if ascending else [failed, clean]
    inside = beyond is not None and bool(beyond.value) == ascending
    return parts[1:] if inside else parts


@dataclass(frozen=True, slots=True)
class _Scan:
    """The rows of a stretch that match."""

    matching: Matching
    part: _Part
    ascending: bool
    beyond: Position | None

    def run(self, limit: int) -> list[Position]:
        conditions = [*self._rest(), *self.matching.walked]
        if not conditions:
            return self._fetch(self._along(conditions, limit, Condition("metrics_trace"), self._range()))
        few = self._gathers_cheaply() if self.matching.few is None else self.matching.few
        if not few:
            found = self._fetch(self._along(conditions, limit, self._next_rows()))
            if len(found) == limit or self._walked_all():
                return found
        return self._fetch(self._gather(limit))

    def _range(self) -> list[Condition]:
        """The project, the stretch with the bounds of what it is sorted by, and behind the place."""
        found = [Condition("project_id = %s", (self.matching.project_id,))]
        found += [one for one in self.matching.conditions if one.column == self.part.value]
        if self.part.condition:
            found.append(Condition(self.part.condition))
        place = self.beyond
        sign = ">" if self.ascending else "<"
        keys = self.part.keys
        # Of two stretches, only the one that the place is in begins behind it.
        if place is None or (self.part.condition and len(keys) < 3 and bool(place.value) != (len(keys) == 2)):
            return found
        at = {1: (place.trace_id,), 2: (place.value, place.trace_id)}
        behind = at.get(len(keys), (place.value, place.start_ns, place.trace_id))
        found.append(Condition(f"({', '.join(keys)}) {sign} ({', '.join(['%s'] * len(keys))})", behind))
        return found

    def _rest(self) -> list[Condition]:
        """The conditions that the index of the sort knows nothing of."""
        return [one for one in self.matching.conditions if one.column != self.part.value]

    def _along(
        self, conditions: Sequence[Condition], limit: int, rows: Condition, more: Sequence[Condition] = ()
    ) -> Condition:
        """Of some rows those that match, in order."""
        where, parameters = _all([*more, *conditions])
        return Condition(
            f"SELECT {self.part.value}, trace_id, start_ns FROM {rows.sql} WHERE {where} "  # noqa: S608
            f"ORDER BY {self._order()} LIMIT %s",
            (*rows.parameters, *parameters, limit),
        )

    def _next_rows(self) -> Condition:
        """The next rows of the index, as many as are worth reading, whatever they are."""
        where, parameters = _all(self._range())
        order = self._order()
        return Condition(
            f"(SELECT * FROM metrics_trace WHERE {where} "  # noqa: S608
            f"ORDER BY {order} LIMIT {self._steps}) AS metrics_trace",
            parameters,
        )

    def _order(self) -> str:
        direction = "ASC" if self.ascending else "DESC"
        return ", ".join(f"{key} {direction}" for key in self.part.keys)

    def _walked_all(self) -> bool:
        """Whether the walk came to the end of the list."""
        where, parameters = _all(self._range())
        sql = f"SELECT 1 FROM metrics_trace WHERE {where} ORDER BY {self._order()} LIMIT 1 OFFSET %s"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(sql, (*parameters, self._steps))
            return cursor.fetchone() is None

    def _gather(self, limit: int) -> Condition:
        """All matches, then sorted: behind a fence, so that the planner does not take the index of the sort again."""
        where, parameters = _all([*self._range(), *self._rest(), *self.matching.gathered])
        names = [f"key{place}" for place in range(len(self.part.keys))]
        keys = ", ".join(f"{key} AS {name}" for key, name in zip(self.part.keys, names, strict=True))
        direction = "ASC" if self.ascending else "DESC"
        order = ", ".join(f"{name} {direction}" for name in names)
        value = "key0" if len(names) > 1 else "0"
        return Condition(
            f"WITH found AS MATERIALIZED (SELECT {keys}, start_ns AS began FROM metrics_trace WHERE {where}) "  # noqa: S608
            f"SELECT {value}, {names[-1]}, began FROM found ORDER BY {order} LIMIT %s",
            (*parameters, limit),
        )

    def _gathers_cheaply(self) -> bool:
        """Whether the planner expects little work of collecting the matches, with what they are sorted by."""
        where, parameters = _all([*self._range(), *self._rest()])
        keys = ", ".join(self.part.keys)
        statement = f"EXPLAIN (FORMAT JSON) SELECT {keys} FROM metrics_trace WHERE {where}"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            (plan,) = cursor.fetchone()
        document: Any = json.loads(plan) if isinstance(plan, str) else plan
        return float(document[0]["Plan"]["Total Cost"]) <= CHEAP

    @property
    def _steps(self) -> int:
        if self.matching.steps is not None:
            return self.matching.steps
        return WALK_ROWS_BY_START if self.part.value == "start_ns" else WALK_ROWS

    @staticmethod
    def _fetch(statement: Condition) -> list[Position]:
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, statement.parameters)
            return [Position(value, bytes(trace_id), start_ns) for value, trace_id, start_ns in cursor.fetchall()]


def _all(conditions: Sequence[Condition]) -> tuple[str, tuple[Any, ...]]:
    sql = " AND ".join(condition.sql for condition in conditions)
    return sql, tuple(parameter for condition in conditions for parameter in condition.parameters)
