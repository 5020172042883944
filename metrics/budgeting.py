"""Periods of budgets, and what is left in them. Pure: money in nano-dollars, times in UTC.

A period begins at midnight in the budget's own time zone: of the day, of Monday, or of the first of the month. Where
the clocks change it is an hour shorter or longer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from metrics.ranges import TimeRange

DAY, WEEK, MONTH = "day", "week", "month"
FINE, WARNED, SPENT = range(3)
SCOPE_CHARS = 200
WARN_SHARE = Decimal("0.8")
LIMIT_NANOS_MAX = 1_000_000_000 * 10**9
"""A billion dollars: with it every sum of a period still fits into 63 bits beside what is spent."""

# Of a period less than this share says nothing about the rest of it.
FORECAST_FROM = 1 / 24


@dataclass(frozen=True, slots=True)
class Window:
    """One period: from `start` to before `end`."""

    start: datetime
    end: datetime


def window_of(period: str, time_zone: str, now: datetime) -> Window:
    """The period that `now` lies in."""
    zone = ZoneInfo(time_zone)
    first = now.astimezone(zone).date()
    if period == WEEK:
        first -= timedelta(days=first.weekday())
    elif period == MONTH:
        first = first.replace(day=1)
    return Window(_midnight(first, zone), _midnight(_next(period, first), zone))


def _next(period: str, first: date) -> date:
    if period == MONTH:
        return date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return first + timedelta(days=7 if period == WEEK else 1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Figures:
    """What was spent. Calls without a known price are counted apart: what they cost is unknown, not nothing.

    `unattributed_nanos` were spent by agents or models that the rollups do not tell apart any more.
    """

    spent_nanos: int = 0
    unpriced_calls: int = 0
    unattributed_nanos: int = 0

    def plus(self, other: "Figures") -> "Figures":
        return Figures(
            self.spent_nanos + other.spent_nanos,
            self.unpriced_calls + other.unpriced_calls,
            self.unattributed_nanos + other.unattributed_nanos,
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """A limit against what was spent of it by `now`."""

    window: Window
    figures: Figures
    limit_nanos: int
    warn_share: Decimal
    refuses: bool
    now: datetime

    @property
    def share(self) -> float:
        """Spent of the limit; 1.0 is all of it."""
        return self.figures.spent_nanos / self.limit_nanos

    @property
    def level(self) -> int:
        """FINE, WARNED or SPENT."""
        if self.figures.spent_nanos >= self.limit_nanos:
            return SPENT
        return WARNED if self.figures.spent_nanos >= self.warn_share * self.limit_nanos else FINE

    @property
    def says_no(self) -> bool:
        """Whether an agent that asks is told not to spend more."""
        return self.refuses and self.level == SPENT

    @property
    def remaining_nanos(self) -> int:
        return max(self.limit_nanos - self.figures.spent_nanos, 0)

    @property
    def is_unknown(self) -> bool:
        """Whether nothing of what was spent has a known price."""
        return bool(self.figures.unpriced_calls) and not self.figures.spent_nanos

    @property
    def forecast_nanos(self) -> int | None:
        """What is spent at the end of the period when it goes on at this pace; None while that cannot be told."""
        passed = (self.now - self.window.start) / (self.window.end - self.window.start)
        if passed < FORECAST_FROM or self.is_unknown:
            return None
        return round(self.figures.spent_nanos / passed)


def tightness(standing: Standing) -> tuple[bool, float]:
    """What orders budgets by how soon they are in the way."""
    return standing.says_no, standing.share


@dataclass(frozen=True, slots=True)
class Point:
    """What remains at one moment, below 0 when more is spent than the limit, and what was spent in the step before it.

    `even_nanos` would remain if as much were spent in every second of the period.
    """

    at: datetime
    remaining_nanos: int
    even_nanos: int
    before: Figures


@dataclass(frozen=True, slots=True)
class Burn:
    """How a budget is used up: what was spent in each step of its period, and how it stands."""

    steps: TimeRange
    spent: Sequence[Figures]
    standing: Standing

    def points(self) -> list[Point]:
        """The start of the period, the end of each step that is over, and now."""
        left, nothing = self.standing.limit_nanos, Figures()
        points = [Point(self.steps.start, left, left, nothing)]
        ends = [*self.steps.bins()[1:], self.steps.end]
        for end, figures in zip(ends[: self.steps.past_bins()], self.spent, strict=False):
            left -= figures.spent_nanos
            at = min(end, self.steps.until)
            points.append(Point(at, left, self.even_nanos(at), figures))
        return points

    def even_nanos(self, at: datetime) -> int:
        """What the even line leaves at a moment of the period."""
        return round(self.standing.limit_nanos * ((self.steps.end - at) / self.steps.length))
