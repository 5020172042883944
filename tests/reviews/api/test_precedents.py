"""/api/v1/approvals/{id}/precedents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.models import Project
from agents.permissions import Scope
from metrics import comparison
from reviews.models import Approval
from reviews.services import flow
from tests.reviews.api.conftest import PATH, fields_of
from tests.reviews.conftest import Api, make_key, make_person, make_token

Ask = Callable[..., Any]


@pytest.fixture
def habit(ask: Ask, reviewer_api: Api, agent_api: Api) -> Any:
    """Twelve refunds were decided, three of them rejected; another waits."""
    for number in range(12):
        approval = ask(arguments={"amount": 100 + number, "order": f"A-{number}"}, summary="Refund a late parcel")
        verdict = {"verdict": "reject", "reason": "Out of time"} if number % 4 == 0 else {"verdict": "approve"}
        answer = reviewer_api.post(f"{PATH}/{approval['id']}/decisions", verdict)
        assert answer.status_code == 200, answer.content
    agent_api.post(f"{PATH}/{approval['id']}/outcome", {"status": "succeeded"})
    while flow.count():
        pass
    return ask(arguments={"amount": 111, "order": "A-11"}, summary="Refund a late parcel")


def test_an_agent_learns_what_people_decided_on_similar_requests(habit: Any, agent_api: Api, client: Client) -> None:
    found = agent_api.get(f"{PATH}/{habit['id']}/precedents", limit=3).json()
    share = comparison.share(9, 12)
    assert (found["searched"], found["similar"], found["approved"], found["too_few"]) == (12, 12, 9, False)
    told = found["share_approved"]
    assert (told["value"], told["n"], told["confidence"]) == (0.75, 12, 0.95)
    assert (told["low"], told["high"]) == (round(share.low or 0, 4), round(share.high or 0, 4))
    first = found["results"][0]
    assert (first["same_arguments"], first["verdict"], first["outcome"]["status"]) == (True, "approve", "succeeded")
    assert first["final_arguments"] == first["proposed_arguments"] == {"amount": 111, "order": "A-11"}
    assert set(first["reviewer"]) == {"id", "role"}
    assert len(found["results"]) == 3
    everything = agent_api.get(f"{PATH}/{habit['id']}/precedents", limit=20).json()["results"]
    assert {one["reason"] for one in everything if one["verdict"] == "reject"} == {"Out of time"}
    assert "Ana" not in str(everything)


def test_without_a_precedent_there_is_no_share(ask: Ask, agent_api: Api) -> None:
    found = agent_api.get(f"{PATH}/{ask()['id']}/precedents").json()
    assert found == {
        "item": 0,
        "searched": 0,
        "similar": 0,
        "approved": 0,
        "share_approved": None,
        "too_few": True,
        "results": [],
    }


def test_of_a_batch_each_action_has_its_own(habit: Any, agent_api: Api, project: Project) -> None:
    actions = [{"action": "mail", "arguments": {}}, {"action": "process_refund", "arguments": {"amount": 105}}]
    batch = agent_api.post(PATH, {"actions": actions, "summary": "Refund a late parcel"}).json()
    address = f"{PATH}/{batch['id']}/precedents"
    assert agent_api.get(address).json()["searched"] == 0
    assert agent_api.get(address, item=1).json()["searched"] == 12
    for wrong in ("2", "-1", "x", "9999999999"):
        assert fields_of(agent_api.get(address, item=wrong)) == ["item"]
    assert fields_of(agent_api.get(address, limit=21)) == ["limit"]


def test_who_may_ask(habit: Any, agent_api: Api, project: Project, other_project: Project, client: Client) -> None:
    address = f"{PATH}/{habit['id']}/precedents"

    def asked(secret: str) -> int:
        return int(Api(secret, client).get(address).status_code)

    assert asked(make_token(make_person("Vic", project, "viewer"))) == 200
    assert asked(make_key(project, Scope.APPROVALS_REQUEST)[1]) == 403
    assert asked(make_key(project, Scope.FEEDBACK_READ)[1]) == 200
    assert asked(make_key(other_project, Scope.FEEDBACK_READ)[1]) == 404
    assert asked(make_token(make_person("Zoe", other_project, "admin"))) == 404
    assert client.get(address).status_code == 401


def test_it_takes_the_same_few_queries_however_many_there_are(habit: Any, agent_api: Api) -> None:
    def queries(limit: int) -> int:
        with CaptureQueriesContext(connection) as found:
            assert agent_api.get(f"{PATH}/{habit['id']}/precedents", limit=limit).status_code == 200
        return len(found)

    queries(1)
    assert queries(1) == queries(12) < 25
    assert Approval.objects.count() == 13
