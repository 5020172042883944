"""/api/v1/approvals: what is taken, what is refused and why, and what is never seen by others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from agents.authentication import Caller
from agents.models import AuditEvent, Membership, Project
from agents.permissions import Scope
from console.lib import clock
from reviews.models import Approval, ApprovalEvent, ApprovalItem, FeedbackExample
from reviews.services.expiry import expire_due
from tests.reviews.api.conftest import PATH, fields_of
from tests.reviews.conftest import Api, make_key, make_person, make_token

pytestmark = pytest.mark.django_db
FULL: dict[str, Any] = {
    "action": "process_refund",
    "arguments": {"order": "A-17", "amount": 12000},
    "summary": "Refund order A-17",
    "description": "The customer **asks** for it.",
    "context": {"irreversible": True},
    "arguments_schema": {"type": "object", "properties": {"amount": {"type": "number"}}},
    "allowed_decisions": ["approve", "edit", "reject"],
    "agent": {"name": "support", "version": "1.4"},
    "trace_id": "0AF7651916CD43DD8448EB211C80319C",
    "span_id": "b7ad6b7169203331",
    "session_id": "s-1",
    "end_user": "u-9",
    "confidence": 0.62,
    "suggestion": "approve",
    "priority": "high",
    "team": "finance",
    "tags": ["refund"],
    "timeout_seconds": 60,
    "on_timeout": "reject",
    "callback_url": "https://agent.example.org/hook",
    "metadata": {"attempt": 2},
}


def test_every_field_of_a_request_comes_back(agent_api: Api) -> None:
    body = agent_api.post(PATH, FULL).json()
    for name, value in FULL.items():
        assert body[name] == (value.lower() if name == "trace_id" else value), name
    assert list(body["arguments"]) == ["order", "amount"]
    assert (body["risk"]["level"], body["risk"]["score"]) == ("high", 0.7)
    assert body["risk"]["factors"][0] == {"name": "amount", "weight": 0.4, "detail": "amount 12,000 is over 10,000"}
    assert body["policy"] == {"version": 1, "rule": "every request is reviewed"}
    assert body["url"].endswith(f"/p/shop/queue/{body['id']}/")
    assert body["requested_at"].endswith("Z")
    assert (body["messages"], body["outcome"], body["effect"]) == ([], None, None)


@pytest.mark.parametrize(
    "schema",
    [
        {"pattern": r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$"},
        {"pattern": "a{4294967296}"},
        {"patternProperties": {"^x-": {"type": "string"}}},
        {"items": [{"type": "number"}]},
        {"minimum": 0, "exclusiveMinimum": True},
        {"properties": {"a": {"type": "string", "required": True}}},
        {"$ref": "https://example.org/schema.json"},
        {"minimum": 1, "$ref": "#/minimum/x"},
    ],
)
def test_an_unusual_schema_keeps_no_agent_from_asking(agent_api: Api, schema: dict[str, Any]) -> None:
    body = agent_api.post(PATH, {"action": "deploy", "arguments_schema": schema})
    assert (body.status_code, body.json()["arguments_schema"]) == (201, schema)


def test_only_the_action_is_required(agent_api: Api, settings: Any) -> None:
    settings.APPROVAL_TIMEOUT_SECONDS = 77
    body = agent_api.post(PATH, {"action": "deploy"}).json()
    assert (body["arguments"], body["timeout_seconds"], body["on_timeout"]) == ({}, 77, "reject")
    assert body["allowed_decisions"] == ["approve", "edit", "reject", "respond"]


def test_optional_fields_may_be_null_and_an_agent_may_be_a_name(agent_api: Api) -> None:
    body = agent_api.post(PATH, {"action": "deploy", "agent": "ci", "trace_id": None, "confidence": None}).json()
    assert (body["agent"], body["trace_id"], body["confidence"]) == ({"name": "ci", "version": ""}, None, None)


def test_numbers_come_back_digit_by_digit(agent_api: Api) -> None:
    text = '{"action": "pay", "arguments": {"account": 123456789012345678901234567890, "rate": 1.10, "n": 2.0}}'
    made = agent_api.post(PATH, text)
    assert made.json()["arguments"] == {"account": 123456789012345678901234567890, "rate": 1.1, "n": 2.0}
    assert b'"n":2.0' in made.content


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"action": None}, "action"),
        ({"action": ""}, "action"),
        ({"action": 5}, "action"),
        ({"action": "x" * 201}, "action"),
        ({"action": "a\x00b"}, "action"),
        ({"arguments": []}, "arguments"),
        ({"arguments": "{}"}, "arguments"),
        ({"arguments": {"a": "x\x00y"}}, "arguments"),
        ({"arguments": {"x\x00y": 1}}, "arguments"),
        ({"arguments": {"a": "x" * 262_144}}, "arguments"),
        ({"context": 5}, "context"),
        ({"metadata": {"a": "x" * 65_536}}, "metadata"),
        ({"summary": "x" * 501}, "summary"),
        ({"description": 1}, "description"),
        ({"arguments_schema": {"type": "objekt"}}, "arguments_schema"),
        ({"arguments_schema": {"properties": {"a": {"minimum": "1"}}}}, "arguments_schema"),
        ({"allowed_decisions": []}, "allowed_decisions"),
        ({"allowed_decisions": ["approve", "shrug"]}, "allowed_decisions.1"),
        ({"agent": {"version": "1"}}, "agent.name"),
        ({"agent": {"name": "a", "colour": "red"}}, "agent.colour"),
        ({"agent": 5}, "agent"),
        ({"trace_id": "xyz"}, "trace_id"),
        ({"trace_id": 5}, "trace_id"),
        ({"span_id": "b7ad6b7169203331ff"}, "span_id"),
        ({"confidence": 1.5}, "confidence"),
        ({"confidence": "0.5"}, "confidence"),
        ({"confidence": True}, "confidence"),
        ({"suggestion": "shrug"}, "suggestion"),
        ({"priority": "asap"}, "priority"),
        ({"tags": "refund"}, "tags"),
        ({"tags": [5]}, "tags.0"),
        ({"tags": ["x"] * 51}, "tags"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"timeout_seconds": 0.5}, "timeout_seconds"),
        ({"timeout_seconds": "60"}, "timeout_seconds"),
        ({"timeout_seconds": True}, "timeout_seconds"),
        ({"timeout_seconds": 30 * 86_400 + 1}, "timeout_seconds"),
        ({"timeout_seconds": 10**300}, "timeout_seconds"),
        ({"on_timeout": "approve"}, "on_timeout"),
        ({"on_timeout": "escalate"}, "on_timeout"),
        ({"callback_url": "ftp://example.org"}, "callback_url"),
        ({"callback_url": "javascript:alert(1)"}, "callback_url"),
        ({"callback_url": "http://ab--xn--d.com/"}, "callback_url"),
        ({"timeout_secnds": 5}, "timeout_secnds"),
        ({"actions": [{"action": "a"}] * 51, "action": None}, "actions"),
        ({"actions": [{"action": "a"}, {"action": 7}], "action": None}, "actions.1.action"),
        ({"actions": [], "action": None}, "actions"),
        ({"actions": [{"arguments": {}}], "action": None}, "actions.0.action"),
        ({"actions": [{"action": "a"}]}, "action"),
    ],
)
def test_a_malformed_request_names_its_field_and_writes_nothing(
    agent_api: Api, change: dict[str, Any], field: str
) -> None:
    response = agent_api.post(PATH, {"action": "deploy", **change})
    assert response.status_code == 422, response.content
    assert field in fields_of(response)
    assert not Approval.objects.exists()
    assert not ApprovalItem.objects.exists()
    assert not ApprovalEvent.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        ("", 422),
        ("[]", 422),
        ('"text"', 422),
        ("null", 422),
        ('{"action": NaN}', 400),
        ('{"action": 1e999}', 400),
        ('{"action": "\\ud800"}', 400),
        ("[" * 100_000, 400),
        ('{"action": "a", "arguments": ' + '{"a":' * 40 + "1" + "}" * 41, 422),
        ('{"action": "' + "x" * (1024 * 1024) + '"}', 413),
    ],
)
def test_bodies_that_are_no_request_are_refused(agent_api: Api, body: str, status: int) -> None:
    response = agent_api.post(PATH, body)
    assert response.status_code == status, response.content
    assert response["content-type"] == "application/problem+json"


def test_another_content_type_is_refused(agent_api: Api) -> None:
    response = agent_api.client.post(
        PATH, {"action": "deploy"}, headers={"authorization": f"Bearer {agent_api.secret}"}
    )
    assert response.status_code == 415


def test_a_batch_of_one_is_a_request(agent_api: Api) -> None:
    body = agent_api.post(PATH, {"actions": [{"action": "deploy", "arguments": {"to": "prod"}}]}).json()
    assert (body["action"], body["arguments"]) == ("deploy", {"to": "prod"})


def test_credentials_and_scopes_are_asked_for(agent_api: Api, project: Project, client: Client) -> None:
    assert client.post(PATH, {"action": "a"}, content_type="application/json").status_code == 401
    assert Api("hr_nonsense", client).post(PATH, {"action": "a"}).status_code == 401
    _key, unscoped = make_key(project, Scope.TELEMETRY_WRITE)
    refused = Api(unscoped, client).post(PATH, {"action": "a"})
    assert refused.status_code == 403
    assert "approvals:request" in refused.json()["detail"]


def test_a_repeated_key_gets_the_first_answer_and_another_body_does_not(agent_api: Api) -> None:
    first = agent_api.post(PATH, FULL, **{"Idempotency-Key": "k1"})
    again = agent_api.post(PATH, FULL, **{"Idempotency-Key": "k1"})
    other = agent_api.post(PATH, {"action": "deploy"}, **{"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert (again.json(), again["Idempotent-Replayed"]) == (first.json(), "true")
    assert Approval.objects.count() == 1


def test_reading_an_overdue_request_expires_it(ask: Callable[..., Any], agent_api: Api) -> None:
    request = ask()
    Approval.objects.update(requested_at=clock.now() - timedelta(hours=1), expires_at=clock.now())
    body = agent_api.get(f"{PATH}/{request['id']}").json()
    assert (body["status"], body["decision"], body["effect"]) == ("expired", None, "deny")
    assert FeedbackExample.objects.get().verdict == "expired"
    assert expire_due(now=clock.now()) == 0


def test_another_projects_request_is_not_there(ask: Callable[..., Any], other_project: Project, client: Client) -> None:
    request = ask()
    _key, secret = make_key(other_project, *Scope)
    stranger = Api(make_token(make_person("Sam", other_project, "admin")), client)
    robot = Api(secret, client)
    for api in (robot, stranger):
        for path in (request["id"], "01900000-0000-7000-8000-000000000000", "nonsense"):
            assert api.get(f"{PATH}/{path}").status_code == 404
        for verb, body in (("cancel", {}), ("messages", {"text": "x"}), ("outcome", {"status": "failed"})):
            assert api.post(f"{PATH}/{request['id']}/{verb}", body).status_code == 404
        assert api.get(PATH).json()["results"] == []
    assert stranger.post(f"{PATH}/{request['id']}/decisions", {"verdict": "approve"}).status_code == 404
    assert Approval.objects.get().status == "pending"


def test_a_person_of_two_projects_need_not_name_one_for_an_object(
    ask: Callable[..., Any], ana: Caller, other_project: Project, reviewer_api: Api
) -> None:
    assert ana.user is not None
    Membership.objects.create(user=ana.user, project=other_project, role="viewer")
    request = ask()
    assert reviewer_api.get(PATH).status_code == 400
    assert len(reviewer_api.get(PATH, project="shop").json()["results"]) == 1
    assert reviewer_api.get(f"{PATH}/{request['id']}").status_code == 200


def test_lists_are_newest_first_filtered_and_paged(ask: Callable[..., Any], agent_api: Api, reviewer_api: Api) -> None:
    made = [ask(action=f"a{n % 2}", agent={"name": "bot"}, session_id=f"s{n}")["id"] for n in range(5)]
    reviewer_api.post(f"{PATH}/{made[0]}/decisions", {"verdict": "approve"})
    seen, url = [], f"{PATH}?limit=2"
    while url:
        page = agent_api.get(url).json()
        seen += [row["id"] for row in page["results"]]
        url = page["next"]
    assert seen == made[::-1]

    def ids(**query: str) -> list[str]:
        return [row["id"] for row in agent_api.get(PATH, **query).json()["results"]]

    assert ids(status="pending") == made[:0:-1]
    assert ids(status="approved") == made[:1]
    assert ids(action="a1") == [made[3], made[1]]
    assert ids(action="a1", status="approved") == []
    assert ids(agent="nobody") == []
    assert ids(session_id="s3") == [made[3]]


@pytest.mark.parametrize(
    ("status", "found"), [("", {"expired"}), ("expired", {"expired"}), ("pending", set()), ("info_requested", set())]
)
def test_a_list_and_its_filters_know_what_is_overdue(
    ask: Callable[..., Any], agent_api: Api, status: str, found: set[str]
) -> None:
    request = ask()
    Approval.objects.update(requested_at=clock.now() - timedelta(hours=1), expires_at=clock.now())
    rows = agent_api.get(PATH, **({"status": status} if status else {})).json()["results"]
    assert {row["status"] for row in rows} == found
    assert all(row == agent_api.get(f"{PATH}/{request['id']}").json() for row in rows)


@pytest.mark.parametrize(("name", "value"), [("status", "open"), ("limit", "0"), ("limit", "x"), ("cursor", "zzz")])
def test_a_senseless_filter_is_refused_by_name(agent_api: Api, name: str, value: str) -> None:
    response = agent_api.get(PATH, **{name: value})
    assert (response.status_code, fields_of(response)) == (400 if name == "cursor" else 422, [name])


def test_a_list_takes_the_same_number_of_queries_however_long(
    ask: Callable[..., Any], agent_api: Api, django_assert_num_queries: Any
) -> None:
    counts = []
    for number in (1, 6):
        for _ in range(number):
            ask(agent={"name": "bot"})
        with django_assert_num_queries(9, exact=False) as queries:
            agent_api.get(PATH)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_cancelling_messaging_and_outcomes_over_http(
    ask: Callable[..., Any], agent_api: Api, reviewer_api: Api
) -> None:
    request = ask()
    path = f"{PATH}/{request['id']}"
    said = agent_api.post(f"{path}/messages", {"text": "In a hurry."}).json()
    assert [(message["from"], message["text"]) for message in said["messages"]] == [("agent", "In a hurry.")]
    assert agent_api.post(f"{path}/outcome", {"status": "succeeded"}).status_code == 409
    assert fields_of(agent_api.post(f"{path}/outcome", {"status": "fine"})) == ["status"]
    assert agent_api.post(f"{path}/cancel").json()["status"] == "cancelled"
    late = reviewer_api.post(f"{path}/decisions", {"verdict": "approve"})
    assert (late.status_code, late.json()["detail"]) == (409, "This request was cancelled by the agent.")


def test_the_estimate_of_the_wait_is_the_median_of_the_last_ones(
    ask: Callable[..., Any], agent_api: Api, reviewer_api: Api
) -> None:
    first = ask()
    assert first["estimated_wait_seconds"] is None
    reviewer_api.post(f"{PATH}/{first['id']}/decisions", {"verdict": "approve"})
    row = Approval.objects.get()
    assert row.closed_at is not None
    Approval.objects.update(requested_at=row.closed_at - timedelta(seconds=40))
    assert ask()["estimated_wait_seconds"] == 40
    assert agent_api.get(f"{PATH}/{first['id']}").json()["estimated_wait_seconds"] is None


def test_a_reviewer_cannot_cancel_what_an_agent_asked(
    ask: Callable[..., Any], agent_api: Api, reviewer_api: Api
) -> None:
    path = f"{PATH}/{ask()['id']}"
    refused = reviewer_api.post(f"{path}/cancel")
    assert (refused.status_code, agent_api.get(path).json()["status"]) == (403, "pending")
    own = reviewer_api.post(PATH, {"action": "deploy"}).json()
    assert reviewer_api.post(f"{PATH}/{own['id']}/cancel").json()["status"] == "cancelled"
