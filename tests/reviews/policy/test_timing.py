"""How long a request waits for whom, on paper: no database and no clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reviews.policy.plan import PLAIN, Escalation, OnTimeout, ReviewPlan, Step
from reviews.policy.timing import NotAllowed, Terms, agree, next_reminder, stage_at

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
LEADS, BOSS = Step(seconds=600, team="leads"), Step(seconds=1200, user="boss@example.org")
ESCALATES = ReviewPlan(on_timeout=OnTimeout.ESCALATE, escalation=Escalation(steps=(LEADS, BOSS), loops=1))
APPROVES = ReviewPlan(on_timeout=OnTimeout.APPROVE)


def terms(plan: ReviewPlan, *, timeout: timedelta | None = None, on_timeout: str = "") -> Terms:
    return agree(plan, timeout=timeout, on_timeout=on_timeout, default=HOUR)


def test_the_shorter_deadline_holds() -> None:
    ten_minutes = ReviewPlan(deadline_seconds=600)
    assert terms(PLAIN).deadline == HOUR
    assert terms(PLAIN, timeout=timedelta(days=2)).deadline == timedelta(days=2)
    assert terms(ten_minutes).deadline == timedelta(minutes=10)
    assert terms(ten_minutes, timeout=timedelta(days=2)).deadline == timedelta(minutes=10)
    assert terms(ten_minutes, timeout=timedelta(seconds=9)).deadline == timedelta(seconds=9)


def test_an_agent_may_always_ask_to_be_refused() -> None:
    for plan in (PLAIN, APPROVES, ESCALATES):
        agreed = terms(plan, on_timeout="reject")
        assert (agreed.on_timeout, agreed.steps, agreed.final) == (OnTimeout.REJECT, (), OnTimeout.REJECT)


@pytest.mark.parametrize(("plan", "wanted"), [(PLAIN, "approve"), (ESCALATES, "approve"), (PLAIN, "escalate")])
def test_an_agent_gets_no_more_than_the_policy_says(plan: ReviewPlan, wanted: str) -> None:
    with pytest.raises(NotAllowed, match=wanted):
        terms(plan, on_timeout=wanted)


def test_where_the_policy_says_so_a_request_approves_itself() -> None:
    assert terms(APPROVES).final is terms(APPROVES, on_timeout="approve").final is OnTimeout.APPROVE
    assert terms(PLAIN).final is OnTimeout.REJECT


def test_an_escalation_to_nobody_ends_as_a_refusal() -> None:
    assert terms(ReviewPlan(on_timeout=OnTimeout.ESCALATE)).on_timeout is OnTimeout.REJECT


def test_an_escalation_runs_its_steps_and_its_loops() -> None:
    agreed = terms(ESCALATES)
    assert agreed.lasts == HOUR + 2 * timedelta(minutes=30)
    minutes = [0, 59, 60, 69, 70, 89, 90, 100, 119, 500]
    stages = [stage_at(agreed, since=NOON, moment=NOON + timedelta(minutes=minute)) for minute in minutes]
    assert [stage.number for stage in stages] == [0, 0, 1, 1, 2, 2, 3, 4, 4, 4]
    assert [stage.step for stage in stages[2:]] == [LEADS, LEADS, BOSS, BOSS, LEADS, BOSS, BOSS, BOSS]
    assert stages[-1].ends == NOON + agreed.lasts


def test_a_clock_that_went_backwards_finds_the_first_stage() -> None:
    assert stage_at(terms(ESCALATES), since=NOON, moment=NOON - timedelta(days=400)).number == 0


def test_reminders_come_at_half_and_nearly_at_the_end_of_a_stage() -> None:
    stage = stage_at(terms(ESCALATES), since=NOON, moment=NOON)
    first = next_reminder(stage, after=NOON)
    assert first == NOON + timedelta(minutes=30)
    assert next_reminder(stage, after=first) == NOON + timedelta(minutes=54)
    assert next_reminder(stage, after=NOON + timedelta(minutes=54)) is None
    assert next_reminder(stage, after=NOON + timedelta(minutes=40)) == NOON + timedelta(minutes=54)


def test_nobody_is_reminded_of_what_is_over_in_a_minute() -> None:
    stage = stage_at(terms(PLAIN, timeout=timedelta(seconds=60)), since=NOON, moment=NOON)
    assert next_reminder(stage, after=NOON) is None
