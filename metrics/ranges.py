"""Time ranges of pages and series: presets, custom bounds, steps and how bins line up. Pure: the clock is an argument.

A range is a whole number of bins of `step`, aligned to an origin; the last bin is the one that `now` falls into. So
bins do not shift while a page refreshes itself, and a preset always has the same number of points.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from console.lib.clock import rfc3339
from metrics.times import EPOCH

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
DEFAULT_PRESET = "1h"
# Length and step in seconds. Every length is a multiple of its step.
PRESETS: dict[str, tuple[int, int]] = {
    "15m": (15 * MINUTE, MINUTE),
    "1h": (HOUR, MINUTE),
    "6h": (6 * HOUR, 5 * MINUTE),
    "24h": (DAY, 15 * MINUTE),
    "7d": (7 * DAY, 2 * HOUR),
    "30d": (30 * DAY, 6 * HOUR),
}
STEP_LADDER = (MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, 12 * HOUR, DAY)
MAX_BINS_OF_CUSTOM_RANGE = 120
# Nanoseconds since 1970 of these fit 64 bits, and whole bins around them the calendar.
YEARS = range(1970, 2200)
LONGEST_RANGE = timedelta(days=400)


class ParameterError(ValueError):
    """A query parameter that cannot be used. `parameter` is its name in the URL."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter
        self.message = message


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Bins of `step` from `start` (inclusive) to `end` (exclusive), in UTC; `now` bounds what can have happened.

    Bins longer than an hour follow the clock on the wall of `tz`: a day is from midnight to midnight, also when the
    clocks change and it has 23 or 25 hours.
    """

    start: datetime
    end: datetime
    step: timedelta
    now: datetime
    preset: str = ""
    compare: bool = False
    tz: tzinfo = UTC

    @property
    def until(self) -> datetime:
        """The end of what can have happened: the end of the range or the present, whichever is earlier."""
        return min(self.end, self.now)

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    @property
    def utc_days(self) -> tuple[date, date]:
        """The first and the last day in UTC. Dates, not moments: a page would show a midnight in the reader's zone."""
        first, last = (one.astimezone(UTC).date() for one in (self.start, self.end - timedelta(microseconds=1)))
        return first, last

    @property
    def elapsed_seconds(self) -> float:
        """Seconds of the range that have passed, at least a minute so that a rate is never divided by nothing."""
        return max((self.until - self.start).total_seconds(), float(MINUTE))

    @property
    def previous_start(self) -> datetime:
        """The period before has as many bins."""
        if self.step <= timedelta(hours=1):
            return self.start - self.length
        local = self.start.astimezone(self.tz).replace(tzinfo=None)
        return _of_wall(local - self.bin_count * self.step, self.tz)

    @property
    def previous_until(self) -> datetime:
        """As far into the previous period as the present is into this one, so that the two compare fairly."""
        return min(self.previous_start + (self.until - self.start), self.start)

    @property
    def bin_count(self) -> int:
        return round(self.length / self.step)

    def bins(self) -> list[datetime]:
        """The starts of the bins, in order."""
        return _bins(self.start, self.bin_count, self.step, self.tz)

    def previous_bins(self) -> list[datetime]:
        """The starts of as many bins of the period before."""
        return _bins(self.previous_start, self.bin_count, self.step, self.tz)

    def past_bins(self) -> int:
        """How many bins have begun; later ones are unknown and not zero."""
        return sum(moment < self.until for moment in self.bins())

    def parameters(self) -> dict[str, str]:
        """What a link must carry to show the same range."""
        found = {"range": self.preset} if self.preset else {"from": rfc3339(self.start), "to": rfc3339(self.end)}
        if self.compare:
            found["compare"] = "1"
        return found


def parse_time(text: str, *, parameter: str, tz: tzinfo) -> datetime:
    """RFC 3339, or a date or time without offset, which is read in `tz`. Raises ParameterError naming `parameter`."""
    try:
        # A "+" of an offset that was not escaped arrives as a space.
        moment = datetime.fromisoformat(text.strip().replace(" ", "+" if text.count(":") > 1 and "T" in text else "T"))
    except ValueError as error:
        raise ParameterError(parameter, f"{parameter} must be a time like 2026-01-31T14:00:00Z.") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=tz)
    # Checked before the offset is applied: near the ends of the calendar that alone overflows.
    if moment.year not in YEARS:
        raise ParameterError(parameter, f"{parameter} must be in the years {YEARS[0]} to {YEARS[-1]}.")
    return moment.astimezone(UTC)


def floor(moment: datetime, step: timedelta, origin: datetime = EPOCH) -> datetime:
    """The start of the bin that holds `moment`."""
    return moment - (moment - origin) % step


def ceil(moment: datetime, step: timedelta, origin: datetime = EPOCH) -> datetime:
    """The end of the bin that `moment` falls into; a moment on the edge is its own end."""
    return floor(moment + step - timedelta(microseconds=1), step, origin)


def step_for(length: timedelta, most: int = MAX_BINS_OF_CUSTOM_RANGE) -> timedelta:
    """The finest step of the ladder that covers `length` in at most `most` bins (days when none does)."""
    for seconds in STEP_LADDER:
        if length <= timedelta(seconds=seconds) * most:
            return timedelta(seconds=seconds)
    return timedelta(seconds=STEP_LADDER[-1])


def page_range(parameters: Mapping[str, str], *, tz: tzinfo, now: datetime, default: str = DEFAULT_PRESET) -> TimeRange:
    """The range that a page's URL asks for: `range=<preset>`, or `from` and `to`; `compare=1` adds the period before.

    Raises ParameterError naming the parameter that cannot be used.
    """
    compare = parameters.get("compare", "") in {"1", "on", "true"}
    if parameters.get("from") or parameters.get("to"):
        return _custom(parameters, tz=tz, now=now, compare=compare)
    preset = parameters.get("range") or default
    if preset not in PRESETS:
        raise ParameterError("range", f"range must be one of {', '.join(PRESETS)}.")
    return preset_range(preset, tz=tz, now=now, compare=compare)


def preset_range(preset: str, *, tz: tzinfo, now: datetime, compare: bool = False) -> TimeRange:
    """The last 15 minutes, hour, ... up to and including the bin of `now`."""
    length, step = (timedelta(seconds=seconds) for seconds in PRESETS[preset])
    end = local_floor(now, step, tz, steps=1)
    start = local_floor(now, step, tz, steps=1 - length // step)
    return TimeRange(start=start, end=end, step=step, now=now, preset=preset, compare=compare, tz=tz)


def reaching(moment: datetime, *, tz: tzinfo, now: datetime) -> dict[str, str]:
    """The parameters of the shortest range that shows `moment`: of a day or longer, up to now, else the 30 days up to
    the end of its day in `tz`."""
    for preset, (length, step) in PRESETS.items():
        if length >= DAY and moment <= now < moment + timedelta(seconds=length - step):
            return {"range": preset}
    last = local_floor(moment, timedelta(days=1), tz, steps=1)
    first = local_floor(moment, timedelta(days=1), tz, steps=-29)
    return {"from": rfc3339(first), "to": rfc3339(last)}


def _custom(parameters: Mapping[str, str], *, tz: tzinfo, now: datetime, compare: bool) -> TimeRange:
    end = parse_time(parameters["to"], parameter="to", tz=tz) if parameters.get("to") else now
    if parameters.get("from"):
        start = parse_time(parameters["from"], parameter="from", tz=tz)
    else:
        start = end - timedelta(hours=1)
    check_order(start, end)
    step = step_for(end - start)
    last = local_floor(end - timedelta(microseconds=1), step, tz, steps=1)
    return TimeRange(start=local_floor(start, step, tz), end=last, step=step, now=now, compare=compare, tz=tz)


def check_order(start: datetime, end: datetime) -> None:
    """Raises ParameterError when the bounds are swapped or further apart than anything may be asked for."""
    if start >= end:
        raise ParameterError("from", "from must be before to.")
    if end - start > LONGEST_RANGE:
        raise ParameterError("from", f"A range may be at most {LONGEST_RANGE.days} days long.")


def local_floor(moment: datetime, step: timedelta, tz: tzinfo, *, steps: int = 0) -> datetime:
    """The start of the bin that holds `moment`, or of the one so many `steps` later.

    Bins longer than an hour begin at the person's midnight, others at the epoch.
    """
    if step <= timedelta(hours=1):
        return floor(moment, step) + steps * step
    local = moment.astimezone(tz).replace(tzinfo=None)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return _of_wall(floor(local, step, midnight) + steps * step, tz)


def _bins(start: datetime, count: int, step: timedelta, tz: tzinfo) -> list[datetime]:
    if step <= timedelta(hours=1):
        return [start + index * step for index in range(count)]
    first = start.astimezone(tz).replace(tzinfo=None)
    return [start] + [_of_wall(first + index * step, tz) for index in range(1, count)]


def _of_wall(local: datetime, tz: tzinfo) -> datetime:
    """The moment at which the clocks of `tz` show `local`: the first one, or when they jumped over it."""
    return local.replace(tzinfo=tz).astimezone(UTC)


def start_of_day(now: datetime, tz: tzinfo) -> datetime:
    """The person's last midnight, in UTC."""
    return local_floor(now, timedelta(days=1), tz)
