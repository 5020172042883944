"""When periodic tasks are due: at fixed moments of the clock, tasks of one period one after the other.

Celery counts a period from the start of its beat and then from the last run. So all tasks of two seconds were due in
the same instant, every two seconds, and kept a processor for a tenth of a second, in which agents waited; and a daily
task never ran where beat was started anew each day.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from celery.schedules import schedule

from console.lib import clock

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Moments(schedule):
    """Due once in every period of `run_every` seconds since 1970 (UTC), `phase` seconds after its beginning."""

    def __init__(self, run_every: float, phase: float = 0.0, nowfun: Callable[[], datetime] = clock.now) -> None:
        # Relative: after a run Celery asks how long it is to the next moment, rather than to wait for a whole period.
        super().__init__(run_every, relative=True, nowfun=nowfun)
        self.period, self.phase = timedelta(seconds=run_every), timedelta(seconds=phase)
        self.clock = nowfun

    def remaining_estimate(self, last_run_at: datetime) -> timedelta:
        """From now to the first moment after the last run; not positive when that is over."""
        since = (last_run_at - EPOCH - self.phase) % self.period
        now: datetime = self.now()
        return last_run_at - since + self.period - now

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return type(self), (self.period.total_seconds(), self.phase.total_seconds(), self.clock)


def spread(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """A schedule for Celery's beat, of entries whose `schedule` is a period in seconds.

    Those of one period are dealt out evenly over it.
    """
    by_period: dict[float, list[str]] = defaultdict(list)
    for name, entry in entries.items():
        by_period[entry["schedule"]].append(name)
    return {
        name: {**entries[name], "schedule": Moments(period, period * (place + 0.5) / len(names))}
        for period, names in by_period.items()
        for place, name in enumerate(names)
    }
