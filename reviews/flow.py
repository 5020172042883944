"""What one request, and one decision, adds to the counts of the queue's flow. Pure.

Every figure of the analytics page is made of these counts; what they mean in words is in `reviews.definitions`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from metrics import histogram

HOUR = 3_600
DAY = 86_400
EVER = 0
"""The length of the rows that count from the beginning: how many requests are in the queue by these counts."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NANOS = 1e9

IDLE_SECONDS = 30 * 60
"""A reviewer who decides nothing for longer was away: the time spent on the next decision is then not known."""
LONG_ARGUMENTS = 500
"""Characters. Below, arguments are read at a glance."""
READING_SPEED = 50.0
"""Characters a second, some 600 words a minute: twice the speed at which adults read silently (M. Brysbaert, 2019,
"How many words do we read per minute?"). Whoever decides faster cannot have read everything."""

COUNTED_AS = {
    "approve": "approved", "edit": "edited", "reject": "rejected", "respond": "answered", "mixed": "mixed",
    "expired": "expired", "timeout": "timed_out", "cancelled": "cancelled", "policy": "automatic",
}  # fmt: skip
"""The count that an end of a request, or a verdict, adds to."""
BY_PEOPLE = frozenset({"approve", "edit", "reject", "respond", "mixed"})


@dataclass(frozen=True, kw_only=True)
class Closing:
    """How a request ended: `end` is a key of COUNTED_AS. Times are aware."""

    requested_at: datetime
    closed_at: datetime
    end: str

    @property
    def stay(self) -> float:
        """Seconds in the queue."""
        return (self.closed_at - self.requested_at).total_seconds()


@dataclass(frozen=True, kw_only=True)
class Vote:
    """One reviewer's decision on one item. `previous_at` is when they had decided before, None when never;
    `alone` is false when they decided on several at the same moment."""

    reviewer: str
    verdict: str
    suggestion: str
    requested_at: datetime
    decided_at: datetime
    previous_at: datetime | None
    alone: bool
    size: int

    @property
    def spent(self) -> float | None:
        """Seconds that the reviewer can have spent on it at most; None where that cannot be told."""
        since = max(self.requested_at, self.previous_at) if self.previous_at else self.requested_at
        seconds = (self.decided_at - since).total_seconds()
        return seconds if self.alone and 0 <= seconds <= IDLE_SECONDS else None


@dataclass
class Tally:
    """Sums to be added to one row of counts; the histograms hold buckets of `metrics.histogram`."""

    sums: Counter[str] = field(default_factory=Counter)
    offsets: dict[str, float] = field(default_factory=dict)
    buckets: dict[str, list[int]] = field(default_factory=dict)

    def arrive(self, after: float) -> None:
        """A request came, so many seconds after the start of the row's time."""
        self.sums["arrivals"] += 1
        self._add("arrivals_offset", after)

    def close(self, closing: Closing, after: float) -> None:
        """A request closed, so many seconds after the start of the row's time."""
        self.sums["closings"] += 1
        self.sums[COUNTED_AS[closing.end]] += 1
        self._add("closings_offset", after)
        self._add("stay_sum", closing.stay)
        if closing.end in BY_PEOPLE:
            self._add("wait_sum", closing.stay)
            self._observe("waits", closing.stay)

    def vote(self, vote: Vote, *, verdicts: bool) -> None:
        """A reviewer decided; with `verdicts` the row is one of reviewers and counts what was decided."""
        self.sums["decisions"] += 1
        if verdicts:
            self.sums[COUNTED_AS[vote.verdict]] += 1
        if vote.suggestion:
            self.sums["suggested"] += 1
            self.sums["overridden"] += vote.verdict != vote.suggestion
        spent = vote.spent
        if spent is None:
            return
        self.sums["timed"] += 1
        self._add("timed_sum", spent)
        self._observe("times_long" if vote.size >= LONG_ARGUMENTS else "times_short", spent)
        self.sums["hasty"] += vote.verdict == "approve" and vote.size >= LONG_ARGUMENTS and is_hasty(spent, vote.size)

    def joined(self, other: Tally) -> Tally:
        """Both together."""
        self.sums.update(other.sums)
        for name, seconds in other.offsets.items():
            self._add(name, seconds)
        for name, found in other.buckets.items():
            self.buckets.setdefault(name, []).extend(found)
        return self

    def histograms(self) -> Iterator[tuple[str, list[int]]]:
        """By name, as they are stored."""
        for name, found in self.buckets.items():
            yield name, histogram.pairs(found)

    def _add(self, name: str, seconds: float) -> None:
        self.offsets[name] = self.offsets.get(name, 0.0) + seconds

    def _observe(self, name: str, seconds: float) -> None:
        self.buckets.setdefault(name, []).append(int(histogram.buckets([seconds * NANOS])[0]))


def is_hasty(seconds: float, size: int) -> bool:
    """Whether so many characters cannot have been read in that time."""
    return seconds < size / READING_SPEED


def period(moment: datetime, seconds: int) -> datetime:
    """The start of the hour or day (UTC) that a moment falls into; of all time, 1970."""
    if seconds == EVER:
        return EPOCH
    return moment - (moment - EPOCH) % timedelta(seconds=seconds)
