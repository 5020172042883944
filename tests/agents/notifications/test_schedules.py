"""Quiet hours and digests, on the clocks of the place, also when the clocks change."""

import zoneinfo
from datetime import UTC, datetime, time, timedelta

import pytest

from agents import schedules

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def due(now: str, **fields: object) -> datetime:
    given = {
        "urgent": False,
        "digest_minutes": 0,
        "quiet_from": None,
        "quiet_until": None,
        "time_zone": "Europe/Berlin",
    }
    return schedules.due_at(at(now), **(given | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-03-02T20:59", "2026-03-02T20:59"),  # 21:59 in Berlin
        ("2026-03-02T21:00", "2026-03-03T06:00"),  # 22:00
        ("2026-03-02T23:30", "2026-03-03T06:00"),  # 00:30
        ("2026-03-03T05:59", "2026-03-03T06:00"),
        ("2026-03-03T06:00", "2026-03-03T06:00"),
        ("2026-03-28T22:00", "2026-03-29T05:00"),  # the night that is an hour shorter: 07:00 is 05:00 UTC
        ("2026-10-24T21:00", "2026-10-25T06:00"),  # and the one that is longer
    ],
)
def test_quiet_hours_over_midnight_hold_until_they_end(now: str, expected: str) -> None:
    assert due(now, quiet_from=time(22), quiet_until=time(7)) == at(expected)


@pytest.mark.parametrize(
    ("now", "expected"),
    [("2026-03-02T10:30", "2026-03-02T10:30"), ("2026-03-02T11:30", "2026-03-02T12:30")],
)
def test_quiet_hours_within_a_day_hold_too(now: str, expected: str) -> None:
    assert due(now, quiet_from=time(12), quiet_until=time(13, 30)) == at(expected)


@pytest.mark.parametrize(
    ("minutes", "now", "expected"),
    [
        (15, "2026-03-02T10:07", "2026-03-02T10:15"),
        (15, "2026-03-02T10:15", "2026-03-02T10:30"),
        (60, "2026-03-02T10:07", "2026-03-02T11:00"),
        (240, "2026-03-02T10:07", "2026-03-02T11:00"),  # 12:00 in Berlin
        (1440, "2026-03-02T10:07", "2026-03-02T23:00"),
    ],
)
def test_digests_end_at_full_multiples_of_their_length(minutes: int, now: str, expected: str) -> None:
    assert due(now, digest_minutes=minutes) == at(expected)


def test_a_digest_that_ends_in_quiet_hours_waits_for_their_end() -> None:
    assert due("2026-03-02T20:50", digest_minutes=60, quiet_from=time(22), quiet_until=time(7)) == at(
        "2026-03-03T06:00"
    )


def test_what_is_urgent_waits_for_nothing() -> None:
    now = "2026-03-02T23:30"
    assert due(now, urgent=True, digest_minutes=60, quiet_from=time(22), quiet_until=time(7)) == at(now)


def test_retries_take_a_day_and_no_longer() -> None:
    moment = start = at("2026-03-02T12:00")
    for tries in range(1, 100):
        again = schedules.retry_at(moment, tries=tries, asked_for=None, jitter=0.0)
        if again is None:
            break
        moment = again
    assert timedelta(hours=23) < moment - start <= schedules.GIVE_UP_AFTER
    assert tries > 8


def test_a_circuit_opens_for_longer_and_longer_but_not_for_ever() -> None:
    spans = [schedules.open_for(failures) for failures in range(40)]
    assert spans[: schedules.BREAKS_AFTER] == [timedelta(0)] * schedules.BREAKS_AFTER
    assert spans[schedules.BREAKS_AFTER :] == sorted(spans[schedules.BREAKS_AFTER :])
    assert spans[-1] == schedules.OPEN_MAX
