"""Telling of budgets: once per period and level, to bells, channels and webhooks."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from agents.messages import EVENTS
from agents.models import Notification, OutboxEvent, Project, User
from metrics.models import Budget
from metrics.services import budget_news, budgets
from metrics.services.budgets import Draft
from metrics.tasks import watch_budgets
from tests.metrics.budgets.conftest import DOLLAR, Make
from tests.metrics.budgets.test_spent import spent
from tests.metrics.sending import NOW, Sending


def told() -> list[tuple[str, str]]:
    return list(OutboxEvent.objects.filter(type__startswith="budget.").order_by("pk").values_list("type", "title"))


def look(later: timedelta = timedelta()) -> int:
    return budget_news.tell_due(now=NOW + later)


def test_each_level_of_a_period_is_told_once(make: Make, sending: Sending) -> None:
    make(name="Day")
    assert look() == 0
    spent(sending, millions=6)
    assert [look(), look()] == [1, 0]
    spent(sending, millions=1)
    assert [look(), look()] == [1, 0]
    assert told() == [("budget.warned", "Budget nearly spent: Day"), ("budget.spent", "Budget spent: Day")]


def test_what_is_spent_at_once_is_told_as_spent_only(make: Make, sending: Sending) -> None:
    make()
    spent(sending, millions=70)
    assert look() == 1
    assert [kind for kind, _ in told()] == ["budget.spent"]


def test_the_next_period_is_told_of_anew(make: Make, sending: Sending, project: Project) -> None:
    make()
    spent(sending, millions=7)
    spent(Sending(project, now=NOW + timedelta(days=1), _count=100), millions=7)
    assert look() == 1
    assert look(timedelta(days=1)) == 1


def test_a_budget_that_is_raised_is_told_of_anew_and_one_that_is_renamed_is_not(
    make: Make, sending: Sending, operator: User
) -> None:
    budget = make()
    spent(sending, millions=70)
    look()
    same: dict[str, Any] = {"name": "Renamed", "limit_nanos": DOLLAR, "period": "day"}
    budgets.change(budget=budget, draft=Draft(**same), by=operator, now=NOW)
    assert look() == 0
    budgets.change(budget=budget, draft=Draft(**same | {"limit_nanos": 2 * DOLLAR}), by=operator, now=NOW)
    assert look() == 1


def test_people_who_run_agents_hear_of_it_and_others_do_not(
    make: Make, sending: Sending, operator: User, viewer: User
) -> None:
    make(name="<b>Day</b>", agent="a", when_spent="refuse")
    spent(sending, millions=70)
    spent(sending, model="nobody-knows-this-model")
    watch_budgets()
    look()
    [line] = Notification.objects.all()
    assert (line.user, line.kind, line.url) == (operator, "budget.spent", "/p/fleet/costs/budgets/")
    assert line.title == "Budget spent: ‹b›Day‹/b›"
    assert line.body == (
        "$10.50 of $1.00 · agent a · 1 calls without a known price are not in it · agents that ask are told no · "
        "until 2026-03-03 00:00 UTC"
    )


def test_webhooks_are_told_the_figures_of_the_api(make: Make, sending: Sending) -> None:
    assert {"budget.warned", "budget.spent"} <= set(EVENTS)
    make(name="Day")
    spent(sending, millions=6)
    look()
    event = OutboxEvent.objects.get()
    assert event.told["spent"] == "0.9"
    assert event.told["url"].endswith("/p/fleet/costs/budgets/")
    assert (event.risk, event.rung, event.until) == (
        "medium",
        True,
        NOW.replace(hour=0, minute=0, second=0) + timedelta(1),
    )


def test_archived_budgets_and_projects_are_left_alone(
    make: Make, sending: Sending, operator: User, project: Project
) -> None:
    archived = make()
    spent(sending, millions=70)
    budgets.archive(budget=archived, by=operator, now=NOW)
    assert look() == 0
    make()
    Project.objects.filter(pk=project.pk).update(archived_at=NOW)
    assert look() == 0


def test_one_project_that_fails_keeps_no_other_waiting(
    make: Make, sending: Sending, other_project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    broken = make()
    Budget.objects.filter(pk=broken.pk).update(time_zone="Europe/Atlantis")
    make(of=other_project)
    spent(Sending(other_project), millions=70)
    assert look() == 1
    assert "budgets_not_watched" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_of_two_who_look_at_once_one_tells(make: Make, sending: Sending, monkeypatch: pytest.MonkeyPatch) -> None:
    make()
    spent(sending, millions=70)
    both = threading.Barrier(2)
    due = budget_news._is_due

    def wait_for_the_other(kept: Any) -> bool:
        found = due(kept)
        both.wait(10)
        return found

    monkeypatch.setattr(budget_news, "_is_due", wait_for_the_other)
    counts: list[int] = []

    def run() -> None:
        counts.append(look())
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(counts) == [0, 1]
    assert len(told()) == 1
