"""What became of earlier requests, as it was known at a moment. Pure: no ORM, no clock.

The same counting serves a request that comes now and one of the past that a policy is tried on. For the latter the
requests go by once, oldest first, and what is known of each session, agent and action is carried along: `Memory`.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple

from reviews import states

EARLIER = 100
"""So many of the latest requests are looked at."""

KEPT = 20_000
"""Of so many sessions, agents and actions a `Memory` keeps the latest requests between two of its steps."""

FATES = ("requests", "waiting", "approved", "rejected", "expired", "succeeded", "failed")
COLUMNS = ("session", "agent", "action")

Counts = dict[str, int]
Key = tuple[str, str]
"""One of COLUMNS, and a value of it."""


class Earlier(NamedTuple):
    """A request that was made before: how it ended, when (None: it still waits), and its outcomes, oldest first."""

    requested_at: datetime
    status: str
    closed_at: datetime | None
    outcomes: Sequence[tuple[datetime, str]] = ()


@dataclass(slots=True)
class _Entry:
    """What a request had come to, up to where its window has got."""

    fate: str = "waiting"
    result: str = ""
    gone: bool = False


class Window:
    """The latest EARLIER requests of something, and what they had come to, while time goes by."""

    def __init__(self, requests: Iterable[Earlier] = ()) -> None:
        """`requests` are older than all that follow, oldest first."""
        self._counts = dict.fromkeys(FATES, 0)
        self._entries: deque[_Entry] = deque()
        self._due: list[tuple[datetime, int, _Entry, str, bool]] = []
        self._numbers = count()
        for request in requests:
            self.add(request)

    def add(self, request: Earlier) -> None:
        """One more; the oldest of more than EARLIER counts no longer."""
        entry = _Entry()
        self._entries.append(entry)
        self._counts["requests"] += 1
        self._counts["waiting"] += 1
        if request.closed_at is not None:
            fate = "approved" if request.status in states.GRANTED else request.status
            heappush(self._due, (request.closed_at, next(self._numbers), entry, fate, True))
        for at, status in request.outcomes:  # An action that was reverted has failed.
            result = "failed" if status == "reverted" else status
            heappush(self._due, (at, next(self._numbers), entry, result, False))
        if len(self._entries) > EARLIER:
            oldest = self._entries.popleft()
            oldest.gone = True
            self._counts["requests"] -= 1
            self._shift(oldest.fate, "")
            self._shift(oldest.result, "")

    def at(self, now: datetime) -> Counts:
        """How many had come to what by `now`, which never goes back: counts by FATES."""
        while self._due and self._due[0][0] <= now:
            _at, _number, entry, what, closes = heappop(self._due)
            if entry.gone:
                continue
            if closes:
                self._shift(entry.fate, what)
                entry.fate = what
            else:
                self._shift(entry.result, what)
                entry.result = what
        return dict(self._counts)

    def _shift(self, before: str, after: str) -> None:
        for name, change in ((before, -1), (after, 1)):
            if name in self._counts:
                self._counts[name] += change


Seed = Callable[[str, Collection[str], datetime], Mapping[str, Sequence[Earlier]]]
"""Reads the latest EARLIER requests of some values of a column that were made before a moment, oldest first."""


class Memory:
    """The latest requests of every session, agent and action while requests go by in the order of their times."""

    def __init__(self, seed: Seed, *, kept: int = KEPT) -> None:
        self._seed, self._kept = seed, kept
        self._known: OrderedDict[Key, Window] = OrderedDict()
        self._fresh: list[tuple[Sequence[Key], Earlier]] = []

    def prepare(self, keys: Iterable[Key], *, before: datetime) -> None:
        """Reads what is not known of these; `before` is the time of the first request that goes by next."""
        self._settle(before)
        while len(self._known) > self._kept:
            self._known.popitem(last=False)
        missing = {column: set[str]() for column in COLUMNS}
        for column, value in keys:
            if value and (column, value) not in self._known:
                missing[column].add(value)
        for column, values in missing.items():
            found = self._seed(column, values, before) if values else {}
            for value in values:
                self._known[column, value] = Window(found.get(value, ()))

    def facts(self, keys: Iterable[Key], *, now: datetime) -> dict[str, Counts]:
        """What conditions know as `history` of a request made at `now`; requests made at the same moment are none."""
        self._settle(now)
        return {key[0]: self._of(key).at(now) for key in keys}

    def add(self, keys: Sequence[Key], request: Earlier) -> None:
        """A request went by."""
        self._fresh.append((keys, request))

    def _of(self, key: Key) -> Window:
        if key not in self._known:
            return Window()
        self._known.move_to_end(key)
        return self._known[key]

    def _settle(self, now: datetime) -> None:
        """Lets the requests that were made before `now` count."""
        waiting = []
        for keys, request in self._fresh:
            if request.requested_at < now:
                for key in keys:
                    if key in self._known:
                        self._known[key].add(request)
            else:
                waiting.append((keys, request))
        self._fresh = waiting


def keys_of(*, session: str, agent: str, action: str) -> tuple[Key, ...]:
    """What a request is remembered by; texts that were not sent are empty and remember nothing."""
    return (("session", session), ("agent", agent), ("action", action))


def distinct(keys: Iterable[Sequence[Key]]) -> Iterator[Key]:
    """Each key once."""
    return iter(dict.fromkeys(key for group in keys for key in group))
