"""The verbs of people and agents over HTTP: batches, questions, taking back, many at once, proving who one is."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from agents.authentication import Caller
from agents.models import Project, User
from reviews.models import Approval, FeedbackExample
from reviews.policy.plan import ReviewPlan, dump_plan
from tests.reviews.api.conftest import PATH, fields_of
from tests.reviews.conftest import Api, make_token

pytestmark = pytest.mark.django_db

BATCH: list[dict[str, Any]] = [
    {"action": "refund", "arguments": {"amount": 5}, "description": "**Back** to the card"},
    {"action": "mail", "arguments": {"to": "a@example.org"}, "allowed_decisions": ["approve", "reject"]},
    {"action": "close", "arguments": {}, "arguments_schema": {"type": "object"}},
]


@pytest.fixture
def ben_api(ben: Caller, client: Client) -> Api:
    assert ben.user is not None
    return Api(make_token(ben.user), client)


def plan(request: dict[str, Any], **values: Any) -> None:
    Approval.objects.filter(pk=request["id"]).update(plan=dump_plan(ReviewPlan(**values)))


def decide(api: Api, request: dict[str, Any], verdict: str, **fields: Any) -> Any:
    return api.post(f"{PATH}/{request['id']}/decisions", {"verdict": verdict, **fields})


def test_a_batch_comes_back_in_order_each_action_with_what_was_decided(
    agent_api: Api, reviewer_api: Api, ben_api: Api
) -> None:
    asked = agent_api.post(PATH, {"actions": BATCH, "summary": "Close the case"})
    assert asked.status_code == 201
    request = asked.json()
    assert [(item["index"], item["action"], item["status"], item["decision"]) for item in request["items"]] == [
        (0, "refund", "pending", None),
        (1, "mail", "pending", None),
        (2, "close", "pending", None),
    ]
    assert (request["action"], request["items"][1]["allowed_decisions"]) == ("refund", ["approve", "reject"])
    first = decide(reviewer_api, request, "reject", reason="no", item=1).json()
    assert (first["status"], first["decision"], first["items"][1]["status"]) == ("pending", None, "rejected")
    late = decide(ben_api, request, "approve", item=1)
    assert (late.status_code, late.json()["decided_by"], late.json()["verdict"]) == (409, "Ana", "reject")
    decide(ben_api, request, "edit", arguments={"amount": 4}, item=0)
    done = decide(reviewer_api, request, "approve", item=2).json()
    assert (done["status"], done["effect"], done["decision"]["verdict"]) == ("mixed", "mixed", "mixed")
    assert [(item["status"], item["effect"]) for item in done["items"]] == [
        ("approved", "allow"),
        ("rejected", "deny"),
        ("approved", "allow"),
    ]
    assert [item["decision"]["arguments"] for item in done["items"]] == [{"amount": 4}, None, {}]
    assert [item["decision"]["decided_by"] for item in done["items"]] == ["Ben", "Ana", "Ana"]
    assert {reviewer["name"] for reviewer in done["decision"]["reviewers"]} == {"Ana", "Ben"}
    assert FeedbackExample.objects.count() == 3


def test_an_item_that_is_not_there_names_the_field(ask: Callable[..., Any], reviewer_api: Api) -> None:
    for item in (1, -1, 50):
        answer = decide(reviewer_api, ask(), "approve", item=item)
        assert (answer.status_code, fields_of(answer)) == (422, ["item"])


def test_two_have_to_agree(ask: Callable[..., Any], reviewer_api: Api, ben_api: Api) -> None:
    request = ask()
    plan(request, approvals=2)
    half = decide(reviewer_api, request, "approve").json()
    assert (half["status"], half["approvals_needed"], half["items"][0]["approvals"]) == ("pending", 2, 1)
    again = decide(reviewer_api, request, "approve")
    assert (again.status_code, again.json()["decided_by"]) == (409, "Ana")
    done = decide(ben_api, request, "approve").json()
    assert (done["status"], done["decision"]["decided_by"]) == ("approved", "Ana, Ben")
    assert [reviewer["name"] for reviewer in done["decision"]["reviewers"]] == ["Ana", "Ben"]


def test_a_question_comes_with_the_messages_and_the_agents_message_answers_it(
    ask: Callable[..., Any], agent_api: Api, reviewer_api: Api
) -> None:
    path = f"{PATH}/{ask()['id']}"
    asked = reviewer_api.post(f"{path}/request-info", {"text": "Which customer?"})
    assert (asked.status_code, asked.json()["status"]) == (200, "info_requested")
    seen = agent_api.get(path).json()["messages"]
    assert [(one["from"], one["kind"], one["text"]) for one in seen] == [("reviewer", "question", "Which customer?")]
    answered = agent_api.post(f"{path}/messages", {"text": "The one of A-17."}).json()
    assert (answered["status"], answered["messages"][-1]["from"]) == ("pending", "agent")
    assert agent_api.post(f"{path}/request-info", {"text": "?"}).status_code == 403
    assert fields_of(reviewer_api.post(f"{path}/request-info", {})) == ["text"]


def test_a_decision_is_taken_back_before_the_agent_is_told(
    project: Project, ask: Callable[..., Any], agent_api: Api, reviewer_api: Api, ben_api: Api
) -> None:
    project.undo_seconds = 300
    project.save()
    request = ask()
    path = f"{PATH}/{request['id']}"
    assert decide(reviewer_api, request, "approve").json()["status"] == "pending"
    assert agent_api.get(path).json()["items"][0]["status"] == "pending"
    assert decide(ben_api, request, "approve").json()["decided_by"] == "Ana"
    assert ben_api.post(f"{path}/withdraw").status_code == 409
    assert reviewer_api.post(f"{path}/withdraw").status_code == 200
    assert reviewer_api.post(f"{path}/withdraw").status_code == 409
    assert agent_api.post(f"{path}/withdraw").status_code == 403
    assert Approval.objects.get().is_open


def test_what_the_agent_knows_cannot_be_taken_back(ask: Callable[..., Any], reviewer_api: Api) -> None:
    request = ask()
    decide(reviewer_api, request, "approve")
    answer = reviewer_api.post(f"{PATH}/{request['id']}/withdraw")
    assert (answer.status_code, answer.json()["approval_status"]) == (409, "approved")


def test_many_are_decided_at_once_each_with_its_own_result(
    ask: Callable[..., Any], reviewer_api: Api, ben_api: Api
) -> None:
    requests = [ask() for _ in range(3)]
    decide(ben_api, requests[1], "reject", reason="no")
    ids = [request["id"] for request in requests]
    answer = reviewer_api.post(f"{PATH}/decisions", {"ids": ids, "verdict": "approve"})
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [(one["id"], one["decided"]) for one in results] == list(zip(ids, (True, False, True), strict=True))
    assert (results[0]["status"], results[1]["problem"]["decided_by"]) == ("approved", "Ben")
    unlike = reviewer_api.post(f"{PATH}/decisions", {"ids": [ids[0], ask(action="deploy")["id"]], "verdict": "approve"})
    assert (unlike.status_code, fields_of(unlike)) == (422, ["ids"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"verdict": "approve"}, "ids"),
        ({"ids": [], "verdict": "approve"}, "ids"),
        ({"ids": ["x"], "verdict": "approve"}, "ids.0"),
        ({"ids": ["01890000-0000-7000-8000-000000000000"], "verdict": "edit"}, "verdict"),
        ({"ids": ["01890000-0000-7000-8000-000000000000"], "verdict": "approve"}, "ids"),
    ],
)
def test_a_malformed_bulk_decision_names_its_field(reviewer_api: Api, body: dict[str, Any], field: str) -> None:
    answer = reviewer_api.post(f"{PATH}/decisions", body)
    assert (answer.status_code, fields_of(answer)) == (422, [field])


def test_where_a_rule_asks_to_prove_who_one_is_tokens_cannot_decide(ask: Callable[..., Any], reviewer_api: Api) -> None:
    request = ask()
    plan(request, reauthenticate=True)
    answer = decide(reviewer_api, request, "approve")
    assert (answer.status_code, answer.json()["reauthentication_needed"]) == (403, True)
    assert Approval.objects.get().status == "pending"


def test_a_session_decides_after_its_person_has_proved_who_they_are(ask: Callable[..., Any], ana: Caller) -> None:
    assert ana.user is not None
    ana.user.set_password("a long enough secret")
    ana.user.save()
    request = ask()
    plan(request, reauthenticate=True)
    browser = signed_in(ana.user)
    body = json.dumps({"verdict": "approve"})
    path = f"{PATH}/{request['id']}/decisions"
    assert browser.post(path, body, content_type="application/json").status_code == 403
    prove(browser, ana.user, at=time.time() - 3_600)
    assert browser.post(path, body, content_type="application/json").status_code == 403
    prove(browser, ana.user, at=time.time())
    assert browser.post(path, body, content_type="application/json").status_code == 200


def signed_in(person: User) -> Client:
    browser = Client()
    browser.force_login(person, "django.contrib.auth.backends.ModelBackend")
    return browser


def prove(browser: Client, person: User, *, at: float) -> None:
    """What allauth notes in the session when somebody has given their password again."""
    session = browser.session
    session["account_authentication_methods"] = [{"method": "password", "at": at, "reauthenticated": True}]
    session["account_authentication_methods_user"] = str(person.pk)
    session.save()
