"""When messages are due: quiet hours, digests, retries, and the circuit breaker's patience. Pure."""

import zoneinfo
from datetime import datetime, time, timedelta

RETRIES = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 30, 120, 600, 1_800, 3_600, 2 * 3_600, 4 * 3_600, 8 * 3_600, 7 * 3_600 + 1_200)
)
"""How long after each failed attempt the next one follows: eleven attempts within a day."""

GIVE_UP_AFTER = timedelta(days=1)
RETRY_AFTER_MAX = timedelta(hours=4)

BREAKS_AFTER = 5
"""Failures in a row that open the circuit of an endpoint."""

OPEN_FIRST = timedelta(seconds=30)
OPEN_MAX = timedelta(minutes=30)


def due_at(
    now: datetime,
    *,
    urgent: bool,
    digest_minutes: int,
    quiet_from: time | None,
    quiet_until: time | None,
    time_zone: str,
) -> datetime:
    """When a message that is made `now` goes out: what is urgent at once, all else at the end of its digest.

    Digests end at full multiples of their length since midnight. Quiet hours hold everything until they are over.
    """
    if urgent:
        return now
    zone = zoneinfo.ZoneInfo(time_zone)
    moment = digest_end(now, digest_minutes, zone) if digest_minutes else now
    if quiet_from is None or quiet_until is None:
        return moment
    return quiet_end(moment, quiet_from, quiet_until, zone) or moment


def digest_end(moment: datetime, minutes: int, zone: zoneinfo.ZoneInfo) -> datetime:
    """The end of the digest that a moment falls into, on the clocks of `zone`."""
    local = moment.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    past = (local.hour * 60 + local.minute) // minutes + 1
    if past * minutes >= 24 * 60:
        return (midnight + timedelta(days=1)).astimezone(moment.tzinfo)
    return (midnight + timedelta(minutes=past * minutes)).astimezone(moment.tzinfo)


def quiet_end(moment: datetime, start: time, end: time, zone: zoneinfo.ZoneInfo) -> datetime | None:
    """When the quiet hours are over that a moment falls into, on the clocks of `zone`; None outside of them."""
    local = moment.astimezone(zone)
    clock = local.time()
    over_midnight = start > end
    quiet = clock >= start or clock < end if over_midnight else start <= clock < end
    if not quiet:
        return None
    day = local.date() + timedelta(days=1) if over_midnight and clock >= start else local.date()
    return datetime.combine(day, end, tzinfo=zone).astimezone(moment.tzinfo)


def retry_at(now: datetime, *, tries: int, asked_for: timedelta | None, jitter: float) -> datetime | None:
    """When to try again after `tries` failed attempts; None when that was the last one.

    `asked_for` is the other side's Retry-After. `jitter`, 0 to 1, spreads what failed together: up to a tenth longer.
    """
    if tries > len(RETRIES):
        return None
    planned = RETRIES[tries - 1] * (1 + jitter / 10)
    return now + max(planned, min(asked_for or timedelta(0), RETRY_AFTER_MAX))


def open_for(failures: int) -> timedelta:
    """How long the circuit stays open after so many failures in a row; nothing below the threshold."""
    if failures < BREAKS_AFTER:
        return timedelta(0)
    return min(OPEN_FIRST * (1 << min(failures - BREAKS_AFTER, 10)), OPEN_MAX)
