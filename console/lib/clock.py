"""The one place where the edges read the wall clock; services receive `now` as an argument."""

from datetime import UTC, datetime


def now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)
