"""Signs of verdicts that are given without looking: what is told of each reviewer, and from when on it is a sign. Pure.

Each asks for some evidence first, and for more than chance would give.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

FEWEST = 20
"""So many decisions are looked at before anything is called a sign."""
HASTY_SHARE = 0.2
SLOWER_BY = 1.25
"""Long arguments take at least so many times as long as short ones where they are read."""
BY_CHANCE = 0.01


@dataclass(frozen=True, kw_only=True)
class Signs:
    """What was seen of one reviewer: times in seconds, `hasty_low` the lower end of the share's interval, `approval`
    the share of approvals as proposed in the whole project, `time_long_high` the upper end of the median's interval."""

    hasty_low: float | None
    short: int
    long: int
    time_short: float | None
    time_long: float | None
    time_long_high: float | None
    streak: int
    approval: float | None

    @property
    def is_hasty(self) -> bool:
        """Long arguments are approved faster than they can be read, and not by a slip now and then."""
        return self.long >= FEWEST and self.hasty_low is not None and self.hasty_low > HASTY_SHARE

    @property
    def is_even(self) -> bool:
        """Long arguments take no longer than short ones."""
        if self.time_short is None or self.time_long_high is None or min(self.short, self.long) < FEWEST:
            return False
        return self.time_long_high < SLOWER_BY * self.time_short

    @property
    def is_streak(self) -> bool:
        """So many approvals in a row hardly come about by the project's own share of them."""
        if self.streak < FEWEST or self.approval is None or self.approval <= 0:
            return False
        return self.streak * log(self.approval) < log(BY_CHANCE)

    @property
    def any(self) -> bool:
        return self.is_hasty or self.is_even or self.is_streak
