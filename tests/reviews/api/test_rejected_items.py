"""What a rule rejects of a batch is rejected at once; people decide on the rest, and the answers keep their order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from agents.authentication import Caller
from agents.models import AuditEvent, OutboxEvent, Project
from console.lib import clock
from reviews.models import Approval, ApprovalEvent, Decision, FeedbackExample
from reviews.policy.reading import read_policy
from reviews.services import expiry, policies
from tests.reviews.api.conftest import PATH
from tests.reviews.api.test_frameworks import (
    Json,
    batched,
    exact,
    from_langgraph,
    human_response,
    langchain_decision,
    recorded,
)
from tests.reviews.conftest import NOON, Api

NEVER = {
    "name": "no drops",
    "effect": "auto_reject",
    "condition": 'action in ["drop_table", "send_email", "delete_file", "write_file"]',
    "reason": "By hand only.",
}
SMALL = {"name": "small", "effect": "auto_approve", "condition": 'action == "note"'}


def in_force(project: Project, by: Caller, *rules: Json) -> None:
    policies.publish(project=project, by=by, policy=read_policy({"rules": list(rules)}), now=NOON)


@pytest.fixture
def ask_for(project: Project, ana: Caller, agent_api: Api) -> Any:
    """Asks for some actions under rules of which one rejects some of them."""
    in_force(project, ana, NEVER, SMALL)

    def create(*actions: str, **more: Any) -> Json:
        body = {"actions": [{"action": one, "arguments": {"of": one}} for one in actions], **more}
        response = agent_api.post(PATH, body)
        assert response.status_code == 201, response.content
        found: Json = response.json()
        return found

    return create


def approve(api: Api, approval: Json, item: int) -> Any:
    return api.post(f"{PATH}/{approval['id']}/decisions", {"verdict": "approve", "item": item})


def test_it_is_rejected_at_once_and_the_rest_waits_for_people(ask_for: Any, agent_api: Api) -> None:
    told = ask_for("pay", "drop_table", "mail")
    assert told == agent_api.get(f"{PATH}/{told['id']}").json()
    assert (told["status"], told["effect"], told["decision"]) == ("pending", None, None)
    assert [item["status"] for item in told["items"]] == ["pending", "rejected", "pending"]
    assert [item["effect"] for item in told["items"]] == [None, None, None]  # said when the request closes
    decision = told["items"][1]["decision"]
    assert (decision["verdict"], decision["decided_by"], decision["reviewers"]) == ("reject", "policy", [])
    assert decision["reason"] == "By hand only."


def test_the_answers_stand_in_order_each_with_who_gave_it_and_a_receipt(
    ask_for: Any, agent_api: Api, reviewer_api: Api
) -> None:
    asked = ask_for("pay", "drop_table", "mail")
    assert approve(reviewer_api, asked, 2).status_code == 200
    assert approve(reviewer_api, asked, 0).json()["status"] == "mixed"
    told = agent_api.get(f"{PATH}/{asked['id']}").json()
    assert [item["effect"] for item in told["items"]] == ["allow", "deny", "allow"]
    assert [item["decision"]["verdict"] for item in told["items"]] == ["approve", "reject", "approve"]
    assert [item["decision"]["decided_by"] for item in told["items"]] == ["Ana", "policy", "Ana"]
    assert all(item["decision"]["receipt"] for item in told["items"])
    assert told["decision"]["decided_by"] == "policy, Ana"
    examples = FeedbackExample.objects.filter(approval=asked["id"]).order_by("item__index")
    assert [example.verdict for example in examples] == ["approve", "reject", "approve"]


def test_nobody_overrules_the_rule(ask_for: Any, reviewer_api: Api) -> None:
    asked = ask_for("pay", "drop_table")
    refused = approve(reviewer_api, asked, 1)
    assert (refused.status_code, refused.json()["decided_by"], refused.json()["verdict"]) == (409, "policy", "reject")


def test_it_is_in_the_timeline_the_audit_log_and_told_to_webhooks(ask_for: Any) -> None:
    asked = ask_for("pay", "drop_table")
    row = Approval.objects.get(pk=asked["id"])
    said = row.events.get(kind=ApprovalEvent.Kind.VOTED)
    detail = {"verdict": "reject", "reason": "By hand only.", "item": 1, "via": "policy"}
    assert (said.actor_label, said.detail) == ("policy", detail)
    assert AuditEvent.objects.filter(action="approval.voted", target=f"approval {row.pk}").count() == 1
    (event,) = OutboxEvent.objects.filter(type="approval.voted")
    assert event.data["event"]["detail"] == detail


def test_what_a_rule_would_approve_beside_it_is_for_people(ask_for: Any, reviewer_api: Api) -> None:
    asked = ask_for("note", "drop_table")
    assert [item["status"] for item in asked["items"]] == ["pending", "rejected"]
    assert approve(reviewer_api, asked, 0).json()["status"] == "mixed"


def test_a_batch_of_which_every_action_is_rejected_is_over(ask_for: Any) -> None:
    asked = ask_for("drop_table", "delete_file")
    assert (asked["status"], asked["decision"]["decided_by"]) == ("rejected", "policy")


def test_when_people_reject_the_rest_the_batch_is_rejected(ask_for: Any, reviewer_api: Api) -> None:
    asked = ask_for("pay", "drop_table")
    body = {"verdict": "reject", "reason": "no", "item": 0}
    assert reviewer_api.post(f"{PATH}/{asked['id']}/decisions", body).json()["status"] == "rejected"


def test_time_to_think_again_is_the_peoples_not_the_rules(ask_for: Any, project: Project, reviewer_api: Api) -> None:
    Project.objects.filter(pk=project.pk).update(undo_seconds=60)
    asked = ask_for("pay", "mail", "drop_table")
    approve(reviewer_api, asked, 0)
    told = reviewer_api.get(f"{PATH}/{asked['id']}").json()
    assert [item["status"] for item in told["items"]] == ["pending", "pending", "rejected"]
    taken_back = reviewer_api.post(f"{PATH}/{asked['id']}/withdraw", {"item": 2})
    assert taken_back.status_code != 200
    assert Decision.objects.get(item__index=2).withdrawn_at is None


def test_a_deadline_denies_the_rest_and_learns_from_what_the_rule_said(ask_for: Any, agent_api: Api) -> None:
    asked = ask_for("pay", "drop_table", timeout_seconds=60)
    assert expiry.expire_due(now=clock.now() + timedelta(minutes=2)) == 1
    told = agent_api.get(f"{PATH}/{asked['id']}").json()
    assert (told["status"], told["effect"]) == ("expired", "deny")
    assert [item["status"] for item in told["items"]] == ["expired", "rejected"]
    assert told["items"][1]["decision"]["reason"] == "By hand only."


def test_an_assessment_says_so_beforehand(ask_for: Any, agent_api: Api) -> None:
    body = {"actions": [{"action": "pay"}, {"action": "drop_table"}]}
    told = agent_api.post("/api/v1/risk-assessments", body).json()
    assert (told["effect"], told["status"]) == ("review", "pending")
    assert told["rejected_items"] == [{"index": 1, "rule": "no drops", "reason": "By hand only."}]


def test_many_requests_that_are_made_together_have_their_own(project: Project, ask_for: Any) -> None:
    first, second = ask_for("drop_table", "pay"), ask_for("pay", "drop_table", "delete_file")
    assert [item["status"] for item in first["items"]] == ["rejected", "pending"]
    assert [item["status"] for item in second["items"]] == ["pending", "rejected", "rejected"]


def test_langgraph_is_answered_in_its_order(ask_for: Any, agent_api: Api, reviewer_api: Api) -> None:
    interrupts = recorded("langgraph")[0]["value"]
    asked = agent_api.post(PATH, from_langgraph(interrupts)).json()
    ruled = [item["index"] for item in asked["items"] if item["decision"]]
    assert ruled == [place for place, one in enumerate(interrupts) if one["action_request"]["action"] == "send_email"]
    answers = _rest_approved(asked, agent_api, reviewer_api, human_response)
    assert [one["type"] for one in answers] == ["ignore" if place in ruled else "accept" for place in range(2)]


def test_langchain_is_answered_in_its_order(ask_for: Any, agent_api: Api, reviewer_api: Api) -> None:
    (interrupt,) = recorded("langchain-batched")
    asked = agent_api.post(PATH, batched(interrupt)).json()
    ruled = [item["index"] for item in asked["items"] if item["decision"]]
    assert 0 < len(ruled) < len(asked["items"])
    answers = _rest_approved(asked, agent_api, reviewer_api, langchain_decision)
    rejected = {"type": "reject", "message": "By hand only."}
    for place, answer in enumerate(answers):
        assert (exact(answer) == exact(rejected)) == (place in ruled)


def test_openai_is_answered_in_its_order(ask_for: Any, agent_api: Api, reviewer_api: Api) -> None:
    actions = [
        {"action": item["tool_name"], "allowed_decisions": ["approve", "reject"], "metadata": item}
        for item in recorded("openai-agents")
    ]
    asked = agent_api.post(PATH, {"actions": actions}).json()
    answers = _rest_approved(asked, agent_api, reviewer_api, lambda item: (item["action"], item["decision"]["verdict"]))
    verdicts = {"process_refund": "approve", "delete_file": "reject"}
    assert answers == [(one["action"], verdicts[one["action"]]) for one in actions]


def _rest_approved(asked: Json, agent_api: Api, reviewer_api: Api, answer: Any) -> list[Any]:
    """What an adapter makes of a batch of which people have decided all that the rule left."""
    for item in asked["items"]:
        if item["status"] == "pending":
            verdict = "approve" if "approve" in item["allowed_decisions"] else "respond"
            body = {"item": item["index"], "verdict": verdict, **({"message": "ok"} if verdict == "respond" else {})}
            assert reviewer_api.post(f"{PATH}/{asked['id']}/decisions", body).status_code == 200
    told = agent_api.get(f"{PATH}/{asked['id']}").json()
    return [answer(item) for item in told["items"]]
