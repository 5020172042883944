"""What people see of how the queue does."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.authentication import Caller
from agents.models import Project, User
from console.lib import clock
from reviews import states
from reviews.definitions import DEFINITIONS
from reviews.models import Approval
from reviews.services import flow
from reviews.services.decisions import Ruling, decide
from tests.reviews.conftest import make_person

HOSTILE = '"><img src=x onerror=alert(1)>{{ 7|add:1 }}'
PAGE = "/p/shop/analytics/"
Make = Callable[..., Approval]


@pytest.fixture
def decided(request_one: Make, ana: Caller, ben: Caller) -> None:
    """Three requests of an hour ago, two by Ana and one by Ben, counted."""
    start = clock.now() - timedelta(hours=1)
    for by, verdict, seconds in ((ana, "approve", 20), (ana, "approve", 50), (ben, "reject", 100)):
        asked = request_one(now=start, agent="billing", suggestion="approve")
        ruling = Ruling(verdict=states.Verdict(verdict), reason="no")
        decide(approval=asked, by=by, ruling=ruling, now=start + timedelta(seconds=seconds))
    while flow.count():
        pass


def client_of(name: str, project: Project, role: str, client: Client) -> Client:
    client.force_login(make_person(name, project, role), "django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def lead(project: Project, client: Client) -> Client:
    return client_of("Lea", project, "lead", client)


def text_of(response: Any) -> str:
    assert response.status_code == 200, response.content[:500]
    return str(response.content.decode())


def figure(page: str, name: str) -> str:
    """The value of a tile."""
    found = re.search(rf'id="figure-{name}".*?tile-value">(.*?)</span>', page, re.DOTALL)
    assert found, name
    return found[1]


def test_a_project_without_requests_says_what_to_do(lead: Client) -> None:
    page = text_of(lead.get(PAGE))
    assert "No request has come yet" in page
    assert "figure-arrivals" not in page


@pytest.mark.usefixtures("decided")
def test_the_figures_of_the_queue_are_on_the_page(lead: Client) -> None:
    page = text_of(lead.get(PAGE))
    found = {name: figure(page, name) for name in ("arrivals", "waiting", "sla", "approval", "overrides")}
    assert found == {"arrivals": "3", "waiting": "0", "sla": "100%", "approval": "67%", "overrides": "33%"}
    assert "it is empty" in page
    assert "At the mean rate of arrivals" in page


@pytest.mark.usefixtures("decided")
@pytest.mark.parametrize(
    ("zone", "days"),
    [("America/Los_Angeles", "1 Mar 2026 to 21 Mar 2026"), ("Asia/Tokyo", "28 Feb 2026 to 20 Mar 2026")],
)
def test_the_days_of_the_figures_are_named_in_utc_in_every_zone(
    zone: str, days: str, project: Project, client: Client
) -> None:
    lea = make_person("Lea", project, "lead")
    User.objects.filter(pk=lea.pk).update(time_zone=zone)
    client.force_login(lea, "django.contrib.auth.backends.ModelBackend")
    assert f"{days}, whole days in UTC" in text_of(client.get(PAGE, {"from": "2026-03-01", "to": "2026-03-21"}))


@pytest.mark.usefixtures("decided")
def test_every_figure_has_its_definition_on_the_page(lead: Client) -> None:
    page = text_of(lead.get(PAGE, {"by": "reviewer"})).replace("&#x27;", "'")
    assert [name for name, text in DEFINITIONS.items() if str(text) not in page] == []


@pytest.mark.usefixtures("decided")
@pytest.mark.parametrize("by", ["action", "agent", "team", "reviewer"])
def test_figures_are_told_apart_by(by: str, lead: Client) -> None:
    page = text_of(lead.get(PAGE, {"by": by}))
    named = {"action": "process_refund", "agent": "billing", "team": ">none<", "reviewer": "Ana"}
    assert named[by] in page.split('id="apart"')[1]


@pytest.mark.usefixtures("decided")
def test_a_reviewer_sees_their_own_figures_and_nobody_elses(ana: Caller, client: Client) -> None:
    assert ana.user is not None
    client.force_login(ana.user, "django.contrib.auth.backends.ModelBackend")
    page = text_of(client.get(PAGE, {"by": "reviewer"})).split('id="apart"')[1]
    assert "Ana" in page
    assert "Ben" not in page
    assert "here are your own" in page


@pytest.mark.usefixtures("decided")
@pytest.mark.parametrize(
    "query", ["range=never", "by=mood", "target=soon", "share=101", "target=0", "from=x", "share=²"]
)
def test_what_cannot_be_read_is_said_and_the_default_shown(query: str, lead: Client) -> None:
    page = text_of(lead.get(f"{PAGE}?{query}"))
    assert "must be" in page
    assert figure(page, "arrivals") == "3"


def test_names_that_agents_choose_are_text(lead: Client, request_one: Make) -> None:
    request_one(action=HOSTILE, agent=HOSTILE, team=HOSTILE[:30], now=clock.now())
    flow.count()
    for by in ("action", "agent", "team"):
        page = text_of(lead.get(PAGE, {"by": by}))
        assert "<img src=x" not in page
        assert "&lt;img src=x" in page


@pytest.mark.usefixtures("decided")
def test_the_page_asks_as_many_questions_however_much_there_is(lead: Client, request_one: Make) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            lead.get(PAGE, {"by": "reviewer"})
        return len(seen)

    queries()
    few = queries()
    for number in range(10):
        request_one(action=f"action {number}", now=clock.now())
    flow.count()
    assert queries() == few


@pytest.mark.usefixtures("decided")
def test_few_requests_are_told_in_digits_that_say_something_and_as_few(lead: Client) -> None:
    page = text_of(lead.get(PAGE, {"range": "30d"}))
    assert not re.search(r'id="little-(length|product|rate)"[^>]*>0(\.0+)?<', page)
    assert "λ, arrivals per day" in page
    assert "Only 3 requests left the queue in this time" in page


def test_while_nothing_has_left_the_queue_the_mean_time_in_it_is_not_known(lead: Client, request_one: Make) -> None:
    request_one(now=clock.now())
    flow.count()
    page = text_of(lead.get(PAGE))
    assert "so W is not known yet" in page
    assert re.search(r'id="little-product">–<', page)
