"""The pages of budgets."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.models import Project, User
from metrics.models import Budget
from tests.metrics.budgets.conftest import DOLLAR, Make
from tests.metrics.budgets.test_spent import spent
from tests.metrics.sending import Sending

URL = "/p/fleet/costs/budgets/"
TYPED: dict[str, Any] = {
    "name": "Support",
    "limit": "12.50",
    "period": "week",
    "time_zone": "Europe/Berlin",
    "agent": "support",
    "model": "",
    "warn_percent": "75",
    "when_spent": "refuse",
}


@pytest.fixture
def desk(operator: User, browser_of: Callable[[User], Client]) -> Client:
    """The browser of somebody who may change budgets."""
    return browser_of(operator)


def test_without_budgets_the_page_says_what_they_are_for(page: Client, desk: Client) -> None:
    assert "No budgets yet" in page.get(URL).content.decode()
    assert "budgets/new/" not in page.get(URL).content.decode(), "what a role may not do is absent"
    assert "budgets/new/" in desk.get(URL).content.decode()


def test_a_budget_is_made_changed_and_taken_out_of_force(desk: Client) -> None:
    answer = desk.post(f"{URL}new/", TYPED)
    assert (answer.status_code, answer["Location"]) == (302, URL)
    budget = Budget.objects.get()
    assert (budget.limit_nanos, float(budget.warn_share), budget.agent) == (12_500_000_000, 0.75, "support")
    form = desk.get(f"{URL}{budget.pk}/").content.decode()
    assert 'value="12.5"' in form
    assert 'value="75"' in form
    desk.post(f"{URL}{budget.pk}/", TYPED | {"agent": "", "model": "gpt-4o-mini", "limit": "100"})
    budget.refresh_from_db()
    assert (budget.agent, budget.model, budget.limit_nanos) == ("", "gpt-4o-mini", 100 * DOLLAR)
    form = desk.get(f"{URL}{budget.pk}/").content.decode()
    written = dict(re.findall(r'name="(limit|warn_percent)" value="([^"]+)"', form))
    assert written == {"limit": "100", "warn_percent": "75"}, "as people write them, not 1E+2"
    desk.post(f"{URL}{budget.pk}/archive/")
    assert "No budgets yet" in desk.get(URL).content.decode()
    assert desk.get(f"{URL}{budget.pk}/").status_code == 404


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"limit": "0"}, "greater than or equal"),
        ({"limit": ""}, "required"),
        ({"time_zone": "Mars"}, "is not a time zone"),
        ({"model": "gpt-4o-mini"}, "not for both"),
        ({"warn_percent": "101"}, "less than or equal"),
        ({"period": "year"}, "valid choice"),
    ],
)
def test_what_cannot_be_is_said_at_the_field(desk: Client, change: dict[str, str], words: str) -> None:
    answer = desk.post(f"{URL}new/", TYPED | change)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Budget.objects.exists()


def test_the_page_shows_spent_forecast_and_what_is_unknown(page: Client, make: Make, sending: Sending) -> None:
    make(name="Whole")
    make(name="Mine", agent="a", limit_nanos=DOLLAR // 10, when_spent="refuse")
    make(name="Odd", model="nobody-knows-this-model")
    spent(sending, "a")
    spent(sending, "b", model="nobody-knows-this-model")
    html = page.get(URL).content.decode()
    rows = {name: html.split(name)[1].split("</tr>")[0] for name in ("Whole", "Mine", "Odd")}
    assert "$0.1500" in rows["Whole"]
    assert "$0.2998" in rows["Whole"], "half of the day is over"
    assert "1 call has no known price" in rows["Whole"]
    assert "Agents are told no" in rows["Mine"]
    assert "gauge-danger" in rows["Mine"]
    assert "unknown" in rows["Odd"]
    assert "$0.00" not in rows["Odd"]


def test_the_number_of_queries_does_not_grow(page: Client, make: Make, sending: Sending) -> None:
    spent(sending)
    counts = []
    for number in (1, 9):
        for other in range(number):
            make(name=f"{number} {other}", agent=f"{other}")
        page.get(URL)
        with CaptureQueriesContext(connection) as queries:
            page.get(URL)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[0] <= 10


def test_agents_and_models_that_are_known_are_suggested(desk: Client, sending: Sending) -> None:
    spent(sending, "<support>")
    html = desk.get(f"{URL}new/").content.decode()
    assert '<option value="&lt;support&gt;">' in html
    assert '<option value="gpt-4o-mini">' in html


def test_budgets_of_other_projects_are_not_there(desk: Client, make: Make, other_project: Project) -> None:
    theirs = make(of=other_project, name="Theirs")
    assert "Theirs" not in desk.get(URL).content.decode()
    assert desk.get(f"{URL}{theirs.pk}/").status_code == 404
    assert desk.post(f"{URL}{theirs.pk}/archive/").status_code == 404
    theirs.refresh_from_db()
    assert theirs.archived_at is None
