"""Telemetry's clock: integer nanoseconds since 1970 in UTC, and back. Pure; no float on the way."""

from datetime import UTC, datetime, timedelta

NS_PER_US = 1_000
NS_PER_MS = 1_000 * NS_PER_US
NS_PER_SECOND = 1_000 * NS_PER_MS
NS_PER_MINUTE = 60 * NS_PER_SECOND
NS_PER_HOUR = 60 * NS_PER_MINUTE
NS_PER_DAY = 24 * NS_PER_HOUR
MAX_NS = 2**63 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ns(moment: datetime) -> int:
    """Nanoseconds since 1970 of a time with an offset, exactly."""
    return (moment - EPOCH) // timedelta(microseconds=1) * NS_PER_US


def from_ns(ns: int) -> datetime:
    """Nanoseconds since 1970 as a time in UTC, cut to the microsecond."""
    return EPOCH + timedelta(microseconds=ns // NS_PER_US)
