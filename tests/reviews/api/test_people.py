"""Claims, assignments and deadlines over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from agents.authentication import Caller
from agents.models import Project, Team
from console.lib import clock
from reviews.policy.reading import read_policy
from reviews.services import policies
from tests.reviews.api.conftest import PATH, fields_of
from tests.reviews.conftest import Api, make_person, make_project, make_token

Ask = Callable[..., Any]


def api_of(name: str, project: Project, role: str) -> Api:
    return Api(make_token(make_person(name, project, role)), Client())


@pytest.fixture
def lead_api(project: Project) -> Api:
    return api_of("Lea", project, "lead")


@pytest.fixture
def money(project: Project) -> Team:
    return Team.objects.create(project=project, slug="money", name="Money", created_at=clock.now())


def test_a_claim_names_its_holder_to_those_who_come_later(
    ask: Ask, reviewer_api: Api, lead_api: Api, agent_api: Api
) -> None:
    path = f"{PATH}/{ask()['id']}"
    mine = reviewer_api.post(f"{path}/claim").json()["claim"]
    assert mine["by"] == "Ana"
    taken = lead_api.post(f"{path}/claim")
    assert taken.status_code == 409
    assert (taken.json()["claimed_by"], taken.json()["claimed_until"]) == ("Ana", mine["until"])
    assert lead_api.post(f"{path}/claim", {"take_over": True}).json()["claim"]["by"] == "Lea"
    assert reviewer_api.post(f"{path}/release").json()["claim"]["by"] == "Lea"
    assert lead_api.post(f"{path}/release").json()["claim"] is None
    assert agent_api.post(f"{path}/claim").status_code == 403


def test_a_lead_assigns_and_a_reviewer_may_not(ask: Ask, reviewer_api: Api, lead_api: Api, money: Team) -> None:
    path = f"{PATH}/{ask()['id']}/assign"
    assert reviewer_api.post(path, {"user": "lea@example.org"}).status_code == 403
    given = lead_api.post(path, {"user": "Ana@example.org", "team": "MONEY"}).json()
    assert (given["assigned_to"], given["team"]) == ("Ana", "money")
    back = lead_api.post(path, {"user": ""}).json()
    assert (back["assigned_to"], back["team"]) == (None, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "user"), ({"user": "nobody@example.org"}, "user"), ({"team": "nothing"}, "team"), ({"usr": "x"}, "usr")],
)
def test_an_assignment_that_makes_no_sense_names_its_field(
    ask: Ask, lead_api: Api, body: dict[str, str], field: str
) -> None:
    response = lead_api.post(f"{PATH}/{ask()['id']}/assign", body)
    assert response.status_code == 422
    assert fields_of(response) == [field]


@pytest.mark.parametrize("verb", ["claim", "release", "assign"])
def test_strangers_and_viewers_do_not_get_at_people(ask: Ask, project: Project, verb: str) -> None:
    path = f"{PATH}/{ask()['id']}/{verb}"
    assert api_of("Vic", project, "viewer").post(path, {}).status_code == 403
    assert api_of("Zoe", make_project("bank"), "admin").post(path, {}).status_code == 404


def test_closed_requests_are_neither_claimed_nor_assigned(ask: Ask, reviewer_api: Api, lead_api: Api) -> None:
    path = f"{PATH}/{ask()['id']}"
    reviewer_api.post(f"{path}/decisions", {"verdict": "approve"})
    for response in (lead_api.post(f"{path}/claim"), lead_api.post(f"{path}/assign", {"user": "ana@example.org"})):
        assert response.status_code == 409
        assert response.json()["decided_by"] == "Ana"
    assert lead_api.post(f"{path}/release").status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("wanted", ["approve", "escalate"])
def test_the_deadline_does_no_more_than_the_policy_allows(agent_api: Api, wanted: str) -> None:
    for headers in ({}, {"idempotency-key": wanted}):
        refused = agent_api.post(PATH, {"action": "deploy", "on_timeout": wanted}, **headers)
        assert refused.status_code == 422
        assert fields_of(refused) == ["on_timeout"]


def test_the_deadline_is_what_the_policy_says_or_what_is_stricter(ask: Ask, ana: Caller, project: Project) -> None:
    review = {"deadline_seconds": 60, "on_timeout": "approve"}
    rules = [{"name": "all", "effect": "review", "condition": "true", "review": review}]
    policies.publish(project=project, by=ana, policy=read_policy({"rules": rules}), now=clock.now())
    made = ask(timeout_seconds=600)
    assert (made["on_timeout"], made["timeout_seconds"]) == ("approve", 60)
    assert ask(on_timeout="reject")["on_timeout"] == "reject"


def test_the_team_of_a_request_is_told_by_slug_and_unknown_ones_by_what_was_sent(ask: Ask, money: Team) -> None:
    assert ask(team="Money")["team"] == "money"
    assert ask(team="marines")["team"] == "marines"


def test_the_api_says_when_nobody_can_decide_and_when_a_team_is_unknown(
    project: Project, agent_api: Api, ana: Caller, client: Client
) -> None:
    assert ana.user is not None
    sent = Api(make_token(ana.user), client).post("/api/v1/approvals", {"action": "refund", "team": "finnance"})
    assert sent.status_code == 201
    unknown, nobody = sent.json()["notices"]
    assert unknown == "There is no team “finnance” here: everybody who may decide is asked."
    assert nobody.startswith("Nobody is left who can decide")
    read = agent_api.get(f"/api/v1/approvals/{sent.json()['id']}").json()
    assert read["notices"] == [unknown, nobody]
    assert agent_api.get("/api/v1/approvals").json()["results"][0]["notices"] == [unknown, nobody]
    make_person("Ben", project, "reviewer")
    assert agent_api.get(f"/api/v1/approvals/{sent.json()['id']}").json()["notices"] == [unknown]
