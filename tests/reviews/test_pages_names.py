"""Teams and people are called by their names where rules know them by slugs and addresses."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from agents.authentication import Caller
from agents.models import Project, Team
from console.lib import clock
from reviews.models import Approval
from reviews.policy.plan import Escalation, ReviewPlan, Step, dump_plan
from reviews.services.decisions import Ruling, decide
from reviews.states import Verdict
from tests.reviews.conftest import NOON, make_person

Create = Callable[..., Approval]


@pytest.fixture
def browser(ana: Caller, client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    assert ana.user is not None
    client.force_login(ana.user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def words_of(browser: Client, made: Approval) -> str:
    page = browser.get(f"/p/shop/queue/{made.pk}/").content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition('id="approval"')[2]).split())


def test_a_decided_request_names_its_team(browser: Client, project: Project, ana: Caller, request_one: Create) -> None:
    Team.objects.create(project=project, slug="money", name="Treasury", created_at=NOON)
    made = request_one(team="money")
    decide(approval=made, by=ana, ruling=Ruling(verdict=Verdict.APPROVE), now=NOON)
    text = words_of(browser, made)
    assert "Team Treasury" in text
    assert "money" not in text


def test_the_stages_of_an_escalation_name_teams_and_people(
    browser: Client, project: Project, request_one: Create
) -> None:
    Team.objects.create(project=project, slug="money", name="Treasury", created_at=NOON)
    Team.objects.create(project=project, slug="heads", name="Heads of all", created_at=NOON)
    make_person("Bea", project, "reviewer")
    made = request_one(team="money")
    steps = tuple(Step(600, team, user) for team, user in (("heads", ""), ("", "bea@example.org"), ("", "gone@x.org")))
    plan = dump_plan(ReviewPlan(escalation=Escalation(steps)))
    Approval.objects.filter(pk=made.pk).update(on_timeout="escalate", plan=plan)
    text = words_of(browser, made)
    assert "Treasury now Heads of all" in text
    assert "Bea" in text
    assert "gone@x.org" in text
    assert "bea@example.org" not in text


def test_where_a_team_is_chosen_it_is_said_that_others_may_decide_too(project: Project) -> None:
    client = Client()
    client.force_login(make_person("Lea", project, "lead"), backend="django.contrib.auth.backends.ModelBackend")
    assert (
        "Everybody else whose role lets them decide still may."
        in client.get("/p/shop/policies/draft/rules/0/").content.decode()
    )
    assert "not who alone may decide" in client.get("/p/shop/policies/").content.decode()
