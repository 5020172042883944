"""Times to nanoseconds and back without a float in between."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from metrics.times import from_ns, to_ns


@pytest.mark.parametrize("year", [1969, 2026, 2199])
def test_every_microsecond_survives_the_way_to_nanoseconds_and_back(year: int) -> None:
    moment = datetime(year, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert from_ns(to_ns(moment)) == moment
    assert to_ns(moment) - to_ns(moment - timedelta(microseconds=1)) == 1_000


def test_an_offset_is_applied_and_nanoseconds_are_cut() -> None:
    assert to_ns(datetime(1970, 1, 1, 1, 0, 1, tzinfo=timezone(timedelta(hours=1)))) == 10**9
    assert from_ns(10**9 + 1_999) == datetime(1970, 1, 1, 0, 0, 1, 1, tzinfo=UTC)
