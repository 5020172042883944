"""The one place where the edges read the wall clock; services receive `now` as an argument."""

from datetime import UTC, datetime
from functools import lru_cache


def now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)


@lru_cache(maxsize=2_048)
def rfc3339(moment: datetime) -> str:
    """The moment as the API writes it: UTC, with microseconds and a Z."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"
