"""Time ranges: whole bins, the reader's midnight, fair comparison."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from metrics.ranges import PRESETS, ParameterError, page_range, preset_range, start_of_day

NOW = datetime(2026, 3, 2, 12, 7, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_whole_bins_of_which_the_last_holds_now(preset: str) -> None:
    window = preset_range(preset, tz=BERLIN, now=NOW)
    assert window.length == timedelta(seconds=PRESETS[preset][0])
    assert window.bins()[-1] <= NOW < window.end
    assert window.past_bins() == window.bin_count
    assert window == preset_range(preset, tz=BERLIN, now=NOW + timedelta(0))


def test_bins_of_hours_begin_at_the_readers_midnight() -> None:
    kolkata = ZoneInfo("Asia/Kolkata")
    window = preset_range("7d", tz=kolkata, now=NOW)
    assert {moment.astimezone(kolkata).minute for moment in window.bins()} == {0}
    assert start_of_day(NOW, kolkata) == datetime(2026, 3, 1, 18, 30, tzinfo=UTC)


def test_the_period_before_stops_where_this_one_stands() -> None:
    window = preset_range("1h", tz=UTC, now=NOW)
    assert window.previous_until - window.previous_start == window.until - window.start


def test_local_times_are_read_in_the_readers_zone_and_offsets_are_kept() -> None:
    window = page_range({"from": "2026-03-02T10:00", "to": "2026-03-02T11:00"}, tz=BERLIN, now=NOW)
    assert window.start == datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    exact = page_range({"from": "2026-03-02T10:00:00 02:00", "to": "2026-03-02T11:00:00Z"}, tz=BERLIN, now=NOW)
    assert exact.start == datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def test_later_bins_have_not_begun() -> None:
    window = page_range({"from": "2026-03-02T12:00:00Z", "to": "2026-03-02T13:00:00Z"}, tz=UTC, now=NOW)
    assert (window.bin_count, window.past_bins()) == (60, 8)
    future = page_range({"from": "2026-03-03T12:00:00Z", "to": "2026-03-03T13:00:00Z"}, tz=UTC, now=NOW)
    assert future.past_bins() == 0


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"range": "2h"}, "range"),
        ({"from": "soon"}, "from"),
        ({"from": "2026-03-02", "to": "later"}, "to"),
        ({"from": "2026-03-02T12:00:00Z", "to": "2026-03-02T12:00:00Z"}, "from"),
        ({"from": "2020-01-01", "to": "2026-01-01"}, "from"),
    ],
)
def test_what_cannot_be_used_is_named(parameters: dict[str, str], named: str) -> None:
    with pytest.raises(ParameterError) as caught:
        page_range(parameters, tz=UTC, now=NOW)
    assert caught.value.parameter == named


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        (datetime(2026, 3, 30, 10, tzinfo=UTC), 23),  # the clocks went forward on the 29th
        (datetime(2026, 10, 26, 10, tzinfo=UTC), 25),  # and back on the 25th
    ],
)
def test_days_are_from_midnight_to_midnight_when_the_clocks_change(now: datetime, hours: int) -> None:
    start = (now - timedelta(days=100)).date().isoformat()
    window = page_range({"from": start, "to": now.date().isoformat()}, tz=BERLIN, now=now)
    assert window.step == timedelta(days=1)
    edges = [*window.bins(), window.end]
    local = [edge.astimezone(BERLIN) for edge in edges]
    assert {moment.hour for moment in local} == {0}
    lengths = [(later - earlier) / timedelta(hours=1) for earlier, later in pairwise(edges)]
    assert lengths.count(hours) == 1
    assert set(lengths) - {hours} == {24}


def test_steps_of_hours_follow_the_wall_clock_too() -> None:
    window = preset_range("30d", tz=BERLIN, now=datetime(2026, 4, 10, 9, 30, tzinfo=UTC))
    assert {moment.astimezone(BERLIN).hour for moment in window.bins()} == {0, 6, 12, 18}
    assert len(window.bins()) == 30 * 4
    before = window.previous_bins()
    assert before[0] == window.previous_start
    assert len(before) == len(window.bins())
    assert {moment.astimezone(BERLIN).hour for moment in before} == {0, 6, 12, 18}
    assert all(earlier < later for earlier, later in pairwise([*before, *window.bins(), window.end]))


def test_every_zone_has_growing_bins_around_every_change() -> None:
    for name in ("America/Santiago", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo", "America/New_York"):
        zone = ZoneInfo(name)
        for day in range(0, 365, 5):
            now = datetime(2026, 1, 1, 7, 13, tzinfo=UTC) + timedelta(days=day)
            for preset in PRESETS:
                window = preset_range(preset, tz=zone, now=now)
                edges = [*window.bins(), window.end]
                assert all(earlier < later for earlier, later in pairwise(edges)), (name, preset, now)
                assert edges[-2] <= now < edges[-1]
