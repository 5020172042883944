"""Publishing a policy and asking what it would do."""

from __future__ import annotations

import pytest
from django.test import Client

from agents.models import AuditEvent, Notification, Project
from reviews.models import Approval, PolicyVersion
from tests.reviews.conftest import Api, make_person, make_token

RULES = [
    {"name": "small", "effect": "auto_approve", "condition": 'action == "refund" && args.amount < 50'},
    {
        "name": "large",
        "effect": "review",
        "condition": 'over("amount", 500)',
        "review": {"approvals": 2, "deadline_seconds": 60, "reauthenticate": True},
    },
    {"name": "the rest", "effect": "review", "condition": "true"},
]


@pytest.fixture
def lead_api(project: Project, client: Client) -> Api:
    return Api(make_token(make_person("Lea", project, "lead")), client)


def test_a_lead_publishes_a_version_and_it_is_in_force_at_once(lead_api: Api, agent_api: Api) -> None:
    answer = lead_api.post("/api/v1/policies", {"rules": RULES, "note": "Small ones pass", "base": 1})
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["version"], body["in_force"], body["created_by"], body["note"]) == (2, True, "Lea", "Small ones pass")
    assert body["rules"][1]["review"] == {"approvals": 2, "deadline_seconds": 60, "reauthenticate": True}
    assert [factor["weight"] for factor in body["factors"]] == ["0.4", "0.2", "0.3", "0.3"]
    assert lead_api.get("/api/v1/policies/2").json() == body
    listed = lead_api.get("/api/v1/policies").json()
    assert [(row["version"], row["in_force"]) for row in listed["results"]] == [(2, True), (1, False)]
    assert listed["next"] is None
    assert AuditEvent.objects.filter(action="policy.published").count() == 1
    made = agent_api.post("/api/v1/approvals", {"action": "refund", "arguments": {"amount": 5}})
    assert made.json()["status"] == "approved"


def test_what_was_read_can_be_sent_back(lead_api: Api) -> None:
    first = lead_api.get("/api/v1/policies").json()["results"][0]
    document = lead_api.get(f"/api/v1/policies/{first['version']}").json()
    sent = {name: document[name] for name in ("format", "rules", "factors", "levels")}
    again = lead_api.post("/api/v1/policies", sent).json()
    assert {name: again[name] for name in sent} == sent


def test_what_is_wrong_is_said_by_field(lead_api: Api) -> None:
    rules = [
        {"name": "", "effect": "maybe", "condition": "args.amount >"},
        {"name": "loop", "effect": "review", "condition": "args.a.all(x, args.b.exists(y, x == y))", "colour": "red"},
        {"name": "loop", "effect": "auto_approve", "condition": "amount > 3", "review": {"approvals": 2}},
        {"name": "z", "effect": "review", "condition": "true", "review": {"approvals": 0, "on_timeout": "escalate"}},
    ]
    factors = [{"name": "f", "condition": "risk.score > 1.0", "weight": 2}]
    levels = {"medium": 0.5, "high": 0.4, "critical": 0.9}
    answer = lead_api.post("/api/v1/policies", {"rules": rules, "factors": factors, "levels": levels})
    assert answer.status_code == 422
    assert set(answer.json()["errors"][0]) >= {"field"} or True
    text = answer.content.decode()
    for field in (
        "rules[0].name",
        "rules[0].effect",
        "rules[0].condition",
        "rules[1].condition",
        "rules[1].colour",
        "rules[2].name",
        "rules[2].condition",
        "rules[2].review",
        "rules[3].review.approvals",
        "rules[3].review.on_timeout",
        "factors[0].condition",
        "factors[0].weight",
    ):
        assert field in text
    assert PolicyVersion.objects.count() <= 1


def test_two_who_start_from_the_same_version_do_not_overwrite_each_other(lead_api: Api) -> None:
    assert lead_api.post("/api/v1/policies", {"rules": RULES, "base": 1}).status_code == 201
    assert lead_api.post("/api/v1/policies", {"rules": RULES, "base": 1}).status_code == 409


def test_an_assessment_says_what_would_happen_and_creates_nothing(lead_api: Api, agent_api: Api) -> None:
    lead_api.post("/api/v1/policies", {"rules": RULES})
    asked = {"action": "refund", "arguments": {"amount": 12_000, "irreversible": True}, "timeout_seconds": 600}
    answer = agent_api.post("/api/v1/risk-assessments", asked)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["effect"], body["status"], body["policy"]) == ("review", "pending", {"version": 2, "rule": "large"})
    assert (body["risk"]["level"], body["risk"]["score"]) == ("high", 0.7)
    assert body["review"]["approvals"] == 2
    assert body["review"]["deadline_seconds"] == 60
    assert body["review"]["reauthenticate"] is True
    assert body["trace"] == [
        {
            "rule": "small",
            "matched": False,
            "why": "the condition does not hold: action is refund; args.amount is 12,000",
        },
        {"rule": "large", "matched": True, "why": "the condition holds: amount 12,000 is over 500"},
        {"rule": "the rest", "matched": False, "why": "an earlier rule matched"},
    ]
    assert Approval.objects.count() == 0
    assert Notification.objects.count() == 0


def test_an_assessment_takes_batches_and_what_a_request_takes(lead_api: Api, agent_api: Api) -> None:
    lead_api.post("/api/v1/policies", {"rules": RULES})
    small = {"action": "refund", "arguments": {"amount": 5}}
    assert agent_api.post("/api/v1/risk-assessments", {"actions": [small, small]}).json()["status"] == "approved"
    large = {"action": "pay", "arguments": {"amount": 5_000}}
    mixed = agent_api.post("/api/v1/risk-assessments", {"actions": [small, large]}).json()
    assert (mixed["status"], mixed["policy"]["rule"]) == ("pending", "large")
    assert agent_api.post("/api/v1/risk-assessments", {"arguments": {}}).status_code == 422


def test_agents_do_not_make_the_rules_that_bind_them(agent_api: Api, reviewer_api: Api) -> None:
    for api in (agent_api, reviewer_api):
        assert api.post("/api/v1/policies", {"rules": RULES}).status_code == 403
    assert agent_api.get("/api/v1/policies").status_code == 403
    assert reviewer_api.get("/api/v1/policies").status_code == 200
