"""Periods of budgets and what is made of their figures."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from metrics.budgeting import FINE, SPENT, WARNED, Figures, Standing, Window, window_of

DOLLAR = 10**9


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("period", "zone", "now", "start", "end"),
    [
        ("day", "UTC", "2026-03-02T00:00", "2026-03-02T00:00", "2026-03-03T00:00"),
        ("day", "UTC", "2026-03-01T23:59:59.999999", "2026-03-01T00:00", "2026-03-02T00:00"),
        ("day", "Asia/Kolkata", "2026-03-02T18:30", "2026-03-02T18:30", "2026-03-03T18:30"),
        ("week", "UTC", "2026-03-01T12:00", "2026-02-23T00:00", "2026-03-02T00:00"),
        ("week", "America/New_York", "2026-03-02T03:00", "2026-02-23T05:00", "2026-03-02T05:00"),
        ("month", "UTC", "2026-12-31T23:00", "2026-12-01T00:00", "2027-01-01T00:00"),
        ("month", "Europe/Berlin", "2026-12-31T23:00", "2026-12-31T23:00", "2027-01-31T23:00"),
    ],
)
def test_a_period_begins_at_midnight_of_its_zone(period: str, zone: str, now: str, start: str, end: str) -> None:
    assert window_of(period, zone, at(now)) == Window(at(start), at(end))


def test_days_on_which_clocks_change_are_shorter_and_longer() -> None:
    spring = window_of("day", "Europe/Berlin", at("2026-03-29T12:00"))
    autumn = window_of("day", "Europe/Berlin", at("2026-10-25T12:00"))
    assert (spring.end - spring.start).total_seconds() == 23 * 3600
    assert (autumn.end - autumn.start).total_seconds() == 25 * 3600


def standing(spent: int, *, now: str = "2026-03-02T12:00", unpriced: int = 0, refuses: bool = True) -> Standing:
    window = Window(at("2026-03-02T00:00"), at("2026-03-03T00:00"))
    return Standing(window, Figures(spent, unpriced), DOLLAR, Decimal("0.8"), refuses, at(now))


@pytest.mark.parametrize(
    ("spent", "level"),
    [(0, FINE), (799_999_999, FINE), (800_000_000, WARNED), (DOLLAR - 1, WARNED), (DOLLAR, SPENT), (2 * DOLLAR, SPENT)],
)
def test_levels_are_reached_to_the_nano_dollar(spent: int, level: int) -> None:
    assert standing(spent).level == level


def test_only_a_budget_that_refuses_says_no_and_only_when_it_is_spent() -> None:
    assert standing(DOLLAR).says_no
    assert not standing(DOLLAR, refuses=False).says_no
    assert not standing(DOLLAR - 1).says_no


def test_the_forecast_goes_on_at_the_same_pace_and_waits_until_there_is_one() -> None:
    assert standing(DOLLAR // 4, now="2026-03-02T06:00").forecast_nanos == DOLLAR
    assert standing(DOLLAR // 4, now="2026-03-02T00:30").forecast_nanos is None
    assert standing(0, unpriced=3).forecast_nanos is None, "nothing that was spent has a known price"
    assert standing(0).forecast_nanos == 0


def test_more_than_all_leaves_nothing() -> None:
    assert standing(3 * DOLLAR).remaining_nanos == 0
