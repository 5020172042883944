"""POST /api/v1/approvals/{id}/decisions: who may decide, what fits, and what the second one hears."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from agents.authentication import Caller
from agents.models import Project
from agents.permissions import Scope
from console.lib import clock
from reviews.models import Approval
from tests.reviews.api.conftest import PATH, fields_of
from tests.reviews.conftest import Api, make_key, make_person, make_token

pytestmark = pytest.mark.django_db


def test_a_replayed_decision_is_no_conflict(ask: Callable[..., Any], reviewer_api: Api) -> None:
    path = f"{PATH}/{ask()['id']}/decisions"
    first = reviewer_api.post(path, {"verdict": "approve"}, **{"Idempotency-Key": "d1"})
    again = reviewer_api.post(path, {"verdict": "approve"}, **{"Idempotency-Key": "d1"})
    plain = reviewer_api.post(path, {"verdict": "approve"})
    assert (first.status_code, again.status_code, plain.status_code) == (200, 200, 409)
    assert again.json() == first.json()


def test_deciding_twice_names_the_winner(
    ask: Callable[..., Any], reviewer_api: Api, ben: Caller, client: Client
) -> None:
    assert ben.user is not None
    path = f"{PATH}/{ask()['id']}/decisions"
    assert reviewer_api.post(path, {"verdict": "reject", "reason": "no"}).status_code == 200
    late = Api(make_token(ben.user), client).post(path, {"verdict": "approve"})
    assert late.status_code == 409
    problem = late.json()
    assert (problem["decided_by"], problem["verdict"], problem["status"]) == ("Ana", "reject", 409)
    assert problem["detail"] == "Ana already rejected this request."


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "verdict"),
        ({"verdict": "shrug"}, "verdict"),
        ({"verdict": "reject"}, "reason"),
        ({"verdict": "respond"}, "message"),
        ({"verdict": "edit"}, "arguments"),
        ({"verdict": "edit", "arguments": {"amount": 5}}, "arguments"),
        ({"verdict": "edit", "arguments": [1]}, "arguments"),
        ({"verdict": "approve", "arguments": {"amount": 6}}, "arguments"),
        ({"verdict": "approve", "labels": "x"}, "labels"),
        ({"verdict": "approve", "item": 1}, "item"),
        ({"verdict": "approve", "reson": "typo"}, "reson"),
    ],
)
def test_a_malformed_decision_names_its_field(
    ask: Callable[..., Any], reviewer_api: Api, body: dict[str, Any], field: str
) -> None:
    request = ask()
    response = reviewer_api.post(f"{PATH}/{request['id']}/decisions", body)
    assert (response.status_code, fields_of(response)) == (422, [field])
    assert reviewer_api.get(f"{PATH}/{request['id']}").json()["status"] == "pending"


def test_an_agents_key_cannot_decide(ask: Callable[..., Any], project: Project, client: Client) -> None:
    _key, secret = make_key(project, *Scope)
    response = Api(secret, client).post(f"{PATH}/{ask()['id']}/decisions", {"verdict": "approve"})
    assert response.status_code == 403
    assert "person" in response.json()["detail"]


def test_nobody_decides_on_their_own_request(reviewer_api: Api) -> None:
    own = reviewer_api.post(PATH, {"action": "deploy"})
    assert own.status_code == 201
    response = reviewer_api.post(f"{PATH}/{own.json()['id']}/decisions", {"verdict": "approve"})
    assert response.status_code == 403
    assert "yourself" in response.json()["detail"]


def test_roles_that_may_not_decide_are_refused(ask: Callable[..., Any], project: Project, client: Client) -> None:
    request = ask()
    for role in ("viewer", "operator", "auditor"):
        api = Api(make_token(make_person(role, project, role)), client)
        assert api.get(f"{PATH}/{request['id']}").status_code == 200
        refused = api.post(f"{PATH}/{request['id']}/decisions", {"verdict": "approve"})
        assert (refused.status_code, "approval.decide" in refused.json()["detail"]) == (403, True)


def test_too_late_is_said_as_expired(ask: Callable[..., Any], reviewer_api: Api) -> None:
    request = ask(timeout_seconds=1)
    Approval.objects.update(requested_at=clock.now() - timedelta(hours=1), expires_at=clock.now())
    response = reviewer_api.post(f"{PATH}/{request['id']}/decisions", {"verdict": "approve"})
    assert response.status_code == 409
    assert (response.json()["verdict"], response.json()["approval_status"]) == (None, "expired")
    assert "expired" in response.json()["detail"]
    assert reviewer_api.get(f"{PATH}/{request['id']}").json()["status"] == "expired"


def test_a_browser_session_needs_the_csrf_token(ask: Callable[..., Any], ana: Caller) -> None:
    assert ana.user is not None
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ana.user, "django.contrib.auth.backends.ModelBackend")
    path = f"{PATH}/{ask()['id']}/decisions"
    body = json.dumps({"verdict": "approve"})
    assert browser.post(path, body, content_type="application/json").status_code == 403
    assert Approval.objects.get().status == "pending"


def test_a_browser_session_may_repeat_a_decision_under_one_key(ask: Callable[..., Any], ana: Caller) -> None:
    assert ana.user is not None
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ana.user, "django.contrib.auth.backends.ModelBackend")
    token = "a" * 32
    browser.cookies["csrftoken"] = token
    path = f"{PATH}/{ask()['id']}/decisions"
    headers = {"Idempotency-Key": "once", "X-CSRFToken": token}
    answers = [
        browser.post(path, '{"verdict": "approve"}', content_type="application/json", headers=headers) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].headers["Idempotent-Replayed"] == "true"
