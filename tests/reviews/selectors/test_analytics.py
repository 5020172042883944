"""Figures of the queue, against what they are said to be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.authentication import Caller
from agents.models import Project
from metrics.ranges import TimeRange
from reviews import states
from reviews.models import Approval, Dimension
from reviews.selectors import analytics, reviewers
from reviews.services import flow
from reviews.services.decisions import Ruling, decide
from reviews.services.expiry import expire_due
from reviews.signs import Signs
from tests.reviews.conftest import NOON

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
Make = Callable[..., Approval]


def window(start: datetime = NOON, end: datetime = NOON + 4 * HOUR, now: datetime | None = None) -> TimeRange:
    return analytics.window(TimeRange(start=start, end=end, step=MINUTE, now=now or end, tz=UTC))


def rule(approval: Approval, by: Caller, at: datetime, verdict: str = "approve") -> None:
    decide(approval=approval, by=by, ruling=Ruling(verdict=states.Verdict(verdict), reason="no"), now=at)


def count() -> None:
    while flow.count():
        pass


def test_a_short_range_is_widened_to_hours_and_a_long_one_to_days() -> None:
    short = window(NOON + 20 * MINUTE, NOON + 80 * MINUTE)
    assert (short.start, short.end, short.step) == (NOON, NOON + 2 * HOUR, HOUR)
    long = window(NOON, NOON + timedelta(days=20))
    assert (long.start, long.end) == (NOON.replace(hour=0), NOON.replace(hour=0) + timedelta(days=21))


def test_rates_and_waits_are_what_happened(project: Project, request_one: Make, ana: Caller) -> None:
    long = 2 * HOUR
    for minutes, verdict in ((1, "approve"), (2, "approve"), (3, "reject"), (40, "approve")):
        rule(request_one(timeout=long), ana, NOON + minutes * MINUTE, verdict)
    request_one(timeout=MINUTE)
    expire_due(now=NOON + 2 * MINUTE)
    count()
    found = analytics.summary(project, window()).figures
    assert (found.arrivals, found.decided, found.expired) == (5, 4, 1)
    assert found.approval.value == 0.75
    assert found.sla.value == 0.8
    assert found.wait_p50 == pytest.approx(120, rel=0.02)
    assert found.wait_p95 == pytest.approx(2_400, rel=0.02)


def test_littles_law_holds_for_a_queue_that_was_empty_at_both_ends(
    project: Project, request_one: Make, ana: Caller
) -> None:
    for number in range(6):
        came = NOON + number * 13 * MINUTE
        rule(request_one(now=came, timeout=HOUR), ana, came + (number + 1) * 4 * MINUTE)
    count()
    found = analytics.summary(project, window()).little
    spent = sum((number + 1) * 240 for number in range(6))
    assert found.length == pytest.approx(spent / (4 * 3_600))
    assert found.product == pytest.approx(found.length)


def test_what_waits_from_before_is_in_the_length_and_shows_that_the_queue_grows(
    project: Project, request_one: Make
) -> None:
    for _ in range(3):
        request_one(now=NOON - HOUR, timeout=timedelta(days=1))
    request_one(now=NOON + 2 * HOUR, timeout=timedelta(days=1))
    count()
    found = analytics.summary(project, window())
    assert found.waiting == 4
    assert found.little.length == pytest.approx(3.5)
    assert found.little.product is None
    assert found.clear is None
    earlier = analytics.summary(project, window(NOON - HOUR, NOON, now=NOON + 4 * HOUR))
    assert earlier.little.length == pytest.approx(3.0)


def test_the_time_to_clear_is_by_the_pace_of_the_window(project: Project, request_one: Make, ana: Caller) -> None:
    old = [request_one(now=NOON - HOUR, timeout=timedelta(days=1)) for _ in range(12)]
    for number, approval in enumerate(old[:8]):
        rule(approval, ana, NOON + (number + 1) * MINUTE)
    count()
    found = analytics.summary(project, window())
    assert found.waiting == 4
    assert found.clear == found.clear_alone == pytest.approx(4 / (8 / (4 * 3_600)))


def test_staffing_takes_the_rate_and_the_time_that_decisions_took(
    project: Project, request_one: Make, ana: Caller
) -> None:
    for number in range(30):
        came = NOON + number * MINUTE
        rule(request_one(now=came), ana, came + timedelta(seconds=45))
    count()
    found = analytics.summary(project, window(NOON, NOON + HOUR))
    assert found.figures.handling == pytest.approx(45)
    staff = analytics.staffing(found, target=60, share=0.8)
    assert staff["mean"] is not None
    # 30 an hour of 45 seconds each are 0.375 erlangs; for one person M/M/1 gives 1 - 0.375 e^(-60 (1 - 0.375) / 45).
    assert staff["mean"].people == 1
    assert staff["mean"].within == pytest.approx(0.837, abs=0.001)


def test_the_busiest_come_first_and_the_rest_is_told_as_a_number(
    project: Project, request_one: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for action, number in (("rare", 1), ("often", 3), ("seldom", 2)):
        for _ in range(number):
            request_one(action=action)
    count()
    monkeypatch.setattr(analytics, "MOST_LINES", 2)
    lines, more = analytics.lines(project, window(), Dimension.ACTION)
    assert [(line.value, line.figures.arrivals) for line in lines] == [("often", 3), ("seldom", 2)]
    assert more == 1


def test_reviewers_have_their_names_and_one_can_be_asked_for(
    project: Project, request_one: Make, ana: Caller, ben: Caller
) -> None:
    rule(request_one(), ana, NOON + MINUTE)
    rule(request_one(), ben, NOON + MINUTE, "reject")
    count()
    lines, _more = analytics.lines(project, window(), Dimension.REVIEWER)
    assert {line.label: line.figures.approval.value for line in lines} == {"Ana": 1.0, "Ben": 0.0}
    assert ben.user is not None
    (only,) = analytics.lines(project, window(), Dimension.REVIEWER, only=str(ben.user.pk))[0]
    assert only.label == "Ben"


def test_other_projects_have_their_own_figures(other_project: Project, request_one: Make) -> None:
    request_one()
    count()
    found = analytics.summary(other_project, window())
    assert (found.figures.arrivals, found.waiting) == (0, 0)
    assert analytics.lines(other_project, window(), Dimension.ACTION) == ([], 0)
    assert not analytics.has_any(other_project)


def test_a_row_of_approvals_ends_with_anything_else(project: Project, request_one: Make, ana: Caller) -> None:
    for minute, verdict in enumerate(("approve", "reject", "approve", "approve")):
        rule(request_one(), ana, NOON + (minute + 1) * timedelta(seconds=20), verdict)
    assert ana.user is not None
    assert reviewers.streaks(project, [str(ana.user.pk)]) == {str(ana.user.pk): 2}


def signs(**changed: float | None) -> Signs:
    plain: dict[str, Any] = {"hasty_low": 0.0, "short": 50, "long": 50, "time_short": 10.0, "time_long": 50.0}
    return Signs(**{**plain, "time_long_high": 60.0, "streak": 0, "approval": 0.7, **changed})


def test_signs_want_evidence_before_they_are_given() -> None:
    assert not signs().any
    assert signs(hasty_low=0.4).is_hasty
    assert not signs(hasty_low=0.4, long=5).is_hasty
    assert signs(time_long_high=11.0).is_even
    assert not signs(time_long_high=11.0, short=3).is_even
    assert not signs(time_long=11.0, time_long_high=20.0).is_even, "the median may well be twice as long"
    assert signs(streak=40).is_streak
    assert not signs(streak=40, approval=0.95).is_streak, "where nearly all is approved, 40 in a row are no surprise"
    assert not signs(streak=10, approval=0.1).is_streak


def test_the_number_of_queries_does_not_depend_on_how_much_there_is(
    project: Project, request_one: Make, ana: Caller
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            analytics.summary(project, window())
            lines, _more = analytics.lines(project, window(), Dimension.REVIEWER)
            reviewers.signs(project, window(), lines)
        return len(seen)

    rule(request_one(), ana, NOON + MINUTE)
    count()
    few = queries()
    for number in range(8):
        rule(request_one(action=f"action {number}", now=NOON + HOUR), ana, NOON + HOUR + (number + 1) * MINUTE / 2)
    count()
    assert queries() == few <= 12
