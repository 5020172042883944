"""How a queue behaves: Little's law, how many people a wait needs, how long until the queue is empty. Pure.

Rates are per second and times in seconds, unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp

MOST_PEOPLE = 10_000
"""Nobody staffs a queue with more; a search for the number ends here."""


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Arrivals and closings of one period, with the sums of their seconds since its `start` (seconds since 1970)."""

    start: float
    arrivals: int
    arrivals_offset: float
    closings: int
    closings_offset: float


def mean_length(before: int, flows: Iterable[Flow], start: float, end: float) -> float:
    """The mean number in the queue from `start` to `end`, its integral over time divided by the time.

    `before` were in it at the start. Whoever arrives at a adds end - a to the integral, whoever leaves takes it off.
    """
    area = before * (end - start)
    for one in flows:
        rest = end - one.start
        area += one.arrivals * rest - one.arrivals_offset - one.closings * rest + one.closings_offset
    return area / (end - start)


@dataclass(frozen=True, kw_only=True)
class Little:
    """Both sides of Little's law, L = lambda W (J. D. C. Little, 1961, "A Proof for the Queuing Formula"): the length
    that was measured, and the rate of arrivals times the mean stay. Any side is None where nothing happened."""

    length: float | None
    rate: float
    stay: float | None

    @property
    def product(self) -> float | None:
        return None if self.stay is None else self.rate * self.stay


def erlang_c(people: int, load: float) -> float:
    """The probability that a request has to wait for somebody to be free (A. K. Erlang, 1917).

    `load` is the rate of arrivals times the mean handling time, in erlangs; from `people` on the queue grows without
    end and everybody waits. By the recursion of the loss formula, B(0) = 1, B(n) = load B(n-1) / (n + load B(n-1)),
    which never overflows.
    """
    if load >= people:
        return 1.0
    loss = 1.0
    for number in range(1, people + 1):
        loss = load * loss / (number + load * loss)
    return loss / (1 - load / people * (1 - loss))


@dataclass(frozen=True, kw_only=True)
class Staffing:
    """What to expect of some people at work at the same time. `within` is the share that waits no longer than asked,
    `wait` the mean wait until somebody begins, `busy` the share of their time that they work."""

    people: int
    waits: float
    within: float
    wait: float
    busy: float


def staffing(*, people: int, rate: float, handling: float, target: float) -> Staffing:
    """The behaviour of `people` at an M/M/c queue; they must outnumber the load `rate * handling`."""
    load = rate * handling
    waits = erlang_c(people, load)
    spare = (people - load) / handling
    return Staffing(
        people=people,
        waits=waits,
        within=1 - waits * exp(-spare * target),
        wait=waits / spare,
        busy=load / people,
    )


def people_needed(*, rate: float, handling: float, target: float, share: float) -> Staffing | None:
    """The fewest people with whom `share` of the requests wait no longer than `target`; None beyond MOST_PEOPLE."""
    people = int(rate * handling) + 1
    while people <= MOST_PEOPLE:
        found = staffing(people=people, rate=rate, handling=handling, target=target)
        if found.within >= share:
            return found
        people += 1
    return None


def time_to_clear(waiting: int, *, arrivals: float, closings: float) -> float | None:
    """Seconds until the queue is empty at these rates; None when it does not shrink."""
    if not waiting:
        return 0.0
    return waiting / (closings - arrivals) if closings > arrivals else None
