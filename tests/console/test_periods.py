"""Periodic tasks are due at fixed moments, one after the other."""

import pickle
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from celery.beat import ScheduleEntry
from django.conf import settings

from console.celery import app
from console.lib.periods import Moments, spread

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def moments(seconds: float, phase: float, now: datetime) -> Moments:
    return Moments(seconds, phase, nowfun=lambda: now)


def test_a_task_is_due_at_its_moment_of_every_period_and_not_before() -> None:
    for late in (0.0, 0.3, 1.9):
        last = NOON + timedelta(seconds=0.5 + late)  # however late the last run was
        before = moments(2, 0.5, NOON + timedelta(seconds=2.45)).is_due(last)
        assert not before.is_due
        assert before.next == pytest.approx(0.05)
        assert moments(2, 0.5, NOON + timedelta(seconds=2.5)).is_due(last).is_due


def test_after_a_late_run_the_next_one_is_on_time() -> None:
    state = moments(10, 4, NOON + timedelta(seconds=11)).is_due(NOON - timedelta(minutes=5))
    assert state.is_due
    assert state.next == pytest.approx(3)


def test_a_daily_task_runs_once_a_day_however_often_beat_is_started() -> None:
    started = NOON - timedelta(hours=1)
    runs = 0
    for hour in range(48):
        if hour % 6 == 0:
            started = NOON + timedelta(hours=hour) - timedelta(minutes=1)  # beat begins with "just now"
        state = moments(86_400, 43_200, NOON + timedelta(hours=hour)).is_due(started)
        if state.is_due:
            runs, started = runs + 1, NOON + timedelta(hours=hour)
    assert runs == 2


def test_tasks_of_one_period_are_never_due_together() -> None:
    entries = spread({str(place): {"task": "t", "schedule": 2.0, "options": {"expires": 10}} for place in range(8)})
    phases = sorted(entry["schedule"].phase.total_seconds() for entry in entries.values())
    assert [later - earlier for earlier, later in pairwise(phases)] == [pytest.approx(0.25)] * 7
    assert all(entry["options"] == {"expires": 10} for entry in entries.values())


def test_what_beat_runs_is_spread() -> None:
    entries = [ScheduleEntry(app=app, name=name, **entry) for name, entry in settings.CELERY_BEAT_SCHEDULE.items()]
    found = [one.schedule for one in entries if isinstance(one.schedule, Moments)]
    assert len({(one.period, one.phase) for one in found}) == len(entries) > 10
    copied = pickle.loads(pickle.dumps(found[0]))
    assert (copied.period, copied.phase) == (found[0].period, found[0].phase)
