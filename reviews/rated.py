"""What several people said of the same actions, put together in the ways in which it is compared. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

from metrics.comparison import Interval, share
from reviews.agreement import Coefficient, Pattern, cohen, fleiss, krippendorff, pattern, unanimous
from reviews.drift import WEEKS, Count

WEEK = timedelta(days=7)
ACTIONS_MAX = 20
PAIRS_MAX = 50


@dataclass(frozen=True)
class Rating:
    """One person's verdict, and when they gave it (seconds since 1970)."""

    reviewer: int
    verdict: str
    at: float


@dataclass(frozen=True)
class Rated:
    """One action with what several people said of it."""

    action: str
    ratings: tuple[Rating, ...]

    @classmethod
    def read(cls, action: str, ratings: Iterable[dict[str, Any]]) -> Rated:
        """An action as it is kept: the last rating of each person counts."""
        last = {one["reviewer"]: Rating(one["reviewer"], one["verdict"], one["at"]) for one in ratings}
        return cls(action, tuple(last.values()))

    @property
    def pattern(self) -> Pattern:
        return pattern(one.verdict for one in self.ratings)


@dataclass(frozen=True)
class Agreement:
    """How far people agree on some actions; `unanimous` is the share of those on which all said the same."""

    unanimous: Interval
    fleiss: Coefficient
    alpha: Coefficient

    @property
    def items(self) -> int:
        return self.fleiss.items


@dataclass(frozen=True)
class Pair:
    """Two people on the actions that both judged; `same` is the share on which they said the same."""

    one: int
    other: int
    same: Interval
    kappa: Coefficient


def agreement(items: Iterable[Rated]) -> Agreement:
    """The figures of some actions together."""
    patterns = Counter(item.pattern for item in items)
    return Agreement(share(*unanimous(patterns)), fleiss(patterns), krippendorff(patterns))


def by_action(items: Sequence[Rated]) -> tuple[list[tuple[str, Agreement]], int]:
    """The same for each action, that with most ratings first, at most ACTIONS_MAX, and how many actions more."""
    apart: dict[str, list[Rated]] = defaultdict(list)
    for item in items:
        apart[item.action].append(item)
    ranked = sorted(apart.items(), key=lambda one: (-len(one[1]), one[0]))
    return [(action, agreement(those)) for action, those in ranked[:ACTIONS_MAX]], len(ranked[ACTIONS_MAX:])


def pairs(items: Iterable[Rated], *, of: int | None = None) -> tuple[list[Pair], int]:
    """Each two people who judged the same, those with most in common first, at most PAIRS_MAX, and how many more.

    With `of` only those of one person.
    """
    tables: dict[tuple[int, int], Counter[tuple[str, str]]] = defaultdict(Counter)
    for item in items:
        for left, right in combinations(sorted(item.ratings, key=lambda one: one.reviewer), 2):
            if of in (None, left.reviewer, right.reviewer):
                tables[left.reviewer, right.reviewer][left.verdict, right.verdict] += 1
    ranked = sorted(tables.items(), key=lambda one: (-one[1].total(), one[0]))
    found = []
    for (one, other), table in ranked[:PAIRS_MAX]:
        same = sum(times for (left, right), times in table.items() if left == right)
        found.append(Pair(one, other, share(same, table.total()), cohen(table)))
    return found, len(ranked[PAIRS_MAX:])


def week_of(start: datetime) -> Callable[[float], int | None]:
    """Which of the WEEKS weeks from `start` a time (seconds since 1970) falls into; None for none of them."""
    begin, length = start.timestamp(), WEEK.total_seconds()

    def week(at: float) -> int | None:
        found = int((at - begin) // length)
        return found if 0 <= found < WEEKS else None

    return week


def agreed_by_week(items: Iterable[Rated], *, start: datetime) -> tuple[dict[int, list[Count]], dict[int, list[Count]]]:
    """How often each person agreed with the others on an action, week by week, and how often all others did.

    Somebody agrees when at least half of the others said the same. A rating belongs to the week in which it was given.
    "All others" are the ratings of actions that the person did not judge: theirs do not rest on that person's.
    """
    week = week_of(start)
    own: dict[int, list[Count]] = defaultdict(lambda: [Count()] * WEEKS)
    beside: dict[int, list[Count]] = defaultdict(lambda: [Count()] * WEEKS)
    whole = [Count()] * WEEKS
    for item in items:
        said = [(one, at, _agrees(one, item)) for one in item.ratings if (at := week(one.at)) is not None]
        for one, at, agrees in said:
            count = Count(int(agrees), 1)
            own[one.reviewer][at] += count
            whole[at] += count
            for other in item.ratings:
                beside[other.reviewer][at] += count
    rest = {
        person: [everything - here for everything, here in zip(whole, beside[person], strict=True)] for person in own
    }
    return dict(own), rest


def _agrees(one: Rating, item: Rated) -> bool:
    others = [other for other in item.ratings if other.reviewer != one.reviewer]
    return 2 * sum(other.verdict == one.verdict for other in others) >= len(others) > 0
