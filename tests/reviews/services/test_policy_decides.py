"""Rules that decide by themselves, and requests that they hand to people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.authentication import Caller
from agents.models import AuditEvent, Notification, Project
from reviews.models import Approval, FeedbackExample, Receipt
from reviews.policy.facts import Subject
from reviews.policy.reading import InvalidPolicy, read_policy
from reviews.services import policies
from reviews.services.judging import judge
from reviews.services.requests import ItemDraft, RequestDraft, create_request
from tests.reviews.conftest import NOON, Api

SMALL = {"name": "small refunds", "effect": "auto_approve", "condition": 'action == "refund" && args.amount < 50'}
BANNED = {
    "name": "no drops",
    "effect": "auto_reject",
    "condition": 'action == "drop_table"',
    "reason": "Tables are dropped by hand.",
}
CAREFUL = {
    "name": "large",
    "effect": "review",
    "condition": 'over("amount", 500)',
    "review": {"approvals": 2, "four_eyes": True, "risk_level": "critical"},
}


@pytest.fixture
def put_in_force(project: Project, ana: Caller) -> Callable[..., None]:
    def publish(*rules: dict[str, Any], **more: Any) -> None:
        policies.publish(project=project, by=ana, policy=read_policy({"rules": list(rules), **more}), now=NOON)

    return publish


def test_a_rule_approves_in_the_transaction_that_makes_the_request(
    put_in_force: Callable[..., None], request_one: Callable[..., Approval]
) -> None:
    put_in_force(SMALL)
    made = request_one(action="refund", arguments={"amount": 20})
    row = Approval.objects.get(pk=made.pk)
    assert (row.status, row.verdict, row.decided_by_label) == ("approved", "approve", "policy")
    assert row.rule == "small refunds"
    assert row.closed_at == NOON
    assert [(event.kind, event.actor_label) for event in row.events.all()] == [
        ("requested", "key bot"),
        ("decided", "policy"),
    ]
    assert AuditEvent.objects.filter(action="approval.decided", target=f"approval {row.pk}").count() == 1
    example = FeedbackExample.objects.get(approval=row)
    assert (example.verdict, example.decision.reviewer) == ("approve", None)  # type: ignore[union-attr]
    assert Receipt.objects.filter(approval=row).count() == 1
    assert not Notification.objects.filter(kind="approval.requested").exists()


def test_a_rule_rejects_and_says_why(
    put_in_force: Callable[..., None], request_one: Callable[..., Approval], agent_api: Api
) -> None:
    put_in_force(BANNED)
    made = request_one(action="drop_table", arguments={})
    answer = agent_api.get(f"/api/v1/approvals/{made.pk}").json()
    assert answer["status"] == "rejected"
    decision = answer["decision"]
    assert decision["verdict"] == "reject"
    assert decision["reason"] == "Tables are dropped by hand."
    assert (decision["decided_by"], decision["reviewers"]) == ("policy", [])


def test_the_agent_learns_of_it_in_the_answer_to_its_request(put_in_force: Callable[..., None], agent_api: Api) -> None:
    put_in_force(SMALL)
    answer = agent_api.post("/api/v1/approvals", {"action": "refund", "arguments": {"amount": 20}})
    assert answer.status_code == 201
    body = answer.json()
    assert body["status"] == "approved"
    assert body["policy"] == {"version": 2, "rule": "small refunds"}
    assert body["decision"]["decided_by"] == "policy"
    assert body["decision"]["arguments"] == {"amount": 20}
    assert body["decision"]["receipt"]


def test_a_condition_that_fails_never_approves(
    put_in_force: Callable[..., None], request_one: Callable[..., Approval]
) -> None:
    put_in_force(SMALL, {"name": "the rest", "effect": "auto_approve", "condition": "true"})
    row = request_one(action="refund", arguments={})
    assert (row.status, row.rule) == ("pending", "a condition failed")
    first, second = row.rule_trace
    assert first == {
        "rule": "small refunds",
        "matched": False,
        "error": True,
        "why": "the condition could not be judged: it asks for amount, which the request does not have",
    }
    assert not second["matched"]
    assert "set aside, because a condition failed" in second["why"]


def test_a_number_that_cannot_be_read_is_no_small_number(
    put_in_force: Callable[..., None], request_one: Callable[..., Approval]
) -> None:
    put_in_force({"name": "not large", "effect": "auto_approve", "condition": '!over("amount", 50)'}, factors=[])
    assert request_one(arguments={"amount": "20k"}).status == "pending"
    assert request_one(arguments={"amount": "20"}).status == "approved"


def test_a_review_rule_makes_the_plan_of_the_request(
    put_in_force: Callable[..., None], request_one: Callable[..., Approval]
) -> None:
    put_in_force(SMALL, CAREFUL)
    row = Approval.objects.get(pk=request_one(action="pay", arguments={"amount": 600}).pk)
    assert (row.status, row.rule, row.risk_level) == ("pending", "large", "critical")
    assert row.plan == {"approvals": 2, "four_eyes": True, "risk_level": "critical", "critical": True}
    assert row.review_plan.approvals == 2
    assert [(entry["rule"], entry["matched"]) for entry in row.rule_trace] == [
        ("small refunds", False),
        ("large", True),
    ]


def test_where_no_rule_matches_people_look(
    put_in_force: Callable[..., None], request_one: Callable[..., Approval]
) -> None:
    put_in_force(BANNED)
    row = request_one()
    assert (row.status, row.rule, row.plan) == ("pending", "no rule matched", {})


def test_an_item_that_may_not_be_approved_is_not_approved_by_a_rule(
    put_in_force: Callable[..., None], request_one: Callable[..., Approval]
) -> None:
    put_in_force(SMALL)
    row = request_one(action="refund", arguments={"amount": 20}, allowed_decisions=("reject", "respond"))
    assert row.status == "pending"


def test_a_dangerous_action_does_not_hide_behind_a_harmless_one(
    put_in_force: Callable[..., None], project: Project, agent: Caller
) -> None:
    put_in_force(SMALL, CAREFUL)
    items = (
        ItemDraft(action="refund", arguments={"amount": 20}),
        ItemDraft(action="pay", arguments={"amount": 20_000, "irreversible": True}),
    )
    draft = RequestDraft(items=items, timeout=timedelta(minutes=5))
    row = create_request(project=project, by=agent, draft=draft, now=NOON)
    assert (row.status, row.rule, row.risk_level, row.risk_score) == ("pending", "large", "critical", 0.7)
    assert row.plan["approvals"] == 2


def test_a_batch_of_harmless_actions_is_approved_item_by_item(
    put_in_force: Callable[..., None], project: Project, agent: Caller
) -> None:
    put_in_force(SMALL)
    items = tuple(ItemDraft(action="refund", arguments={"amount": amount}) for amount in (1, 2))
    draft = RequestDraft(items=items, timeout=timedelta(minutes=5))
    row = create_request(project=project, by=agent, draft=draft, now=NOON)
    assert (row.status, row.decisions.count(), FeedbackExample.objects.filter(approval=row).count()) == (
        "approved",
        2,
        2,
    )


def test_what_earlier_requests_came_to_can_be_asked_for(
    put_in_force: Callable[..., None], request_one: Callable[..., Approval]
) -> None:
    put_in_force(
        BANNED,
        {"name": "again", "effect": "review", "condition": "history.session.rejected >= 1 && cost.today < 1.0"},
        {"name": "first", "effect": "auto_approve", "condition": "true"},
    )
    assert request_one(session_id="s").rule == "first"
    assert request_one(session_id="s", action="drop_table").status == "rejected"
    assert request_one(session_id="s", now=NOON + timedelta(seconds=1)).rule == "again"
    assert request_one(session_id="other", now=NOON + timedelta(seconds=1)).rule == "first"


def test_a_new_project_has_every_request_reviewed_by_one(request_one: Callable[..., Approval]) -> None:
    row = request_one()
    assert (row.status, row.rule, row.plan, row.policy_version.number) == (
        "pending",
        "every request is reviewed",
        {"four_eyes": False},
        1,
    )


def test_a_version_made_from_an_older_one_is_refused(project: Project, ana: Caller) -> None:
    policy = read_policy({"rules": []})
    assert policies.publish(project=project, by=ana, policy=policy, base=1, now=NOON).number == 2
    with pytest.raises(policies.Outdated):
        policies.publish(project=project, by=ana, policy=policy, base=1, now=NOON)


def test_teams_and_people_that_are_not_there_are_named(project: Project, ana: Caller) -> None:
    review = {"team": "ghosts", "escalation": {"steps": [{"user": "nobody@example.org", "seconds": 60}]}}
    policy = read_policy({"rules": [{"name": "x", "effect": "review", "condition": "true", "review": review}]})
    with pytest.raises(InvalidPolicy) as refused:
        policies.publish(project=project, by=ana, policy=policy, now=NOON)
    assert set(refused.value.errors) == {"rules[0].review.team", "rules[0].review.escalation.steps[0]"}


def test_a_request_says_why_each_rule_did_or_did_not_match(put_in_force: Callable[..., None], agent_api: Api) -> None:
    put_in_force(BANNED, {"name": "the rest", "effect": "review", "condition": "true"})
    body = agent_api.post("/api/v1/approvals", {"action": "refund"}).json()
    assert body["rule_trace"] == [
        {"rule": "no drops", "matched": False, "why": "the condition does not hold: action is refund"},
        {"rule": "the rest", "matched": True, "why": "it matches every request"},
    ]


def test_a_batch_looks_earlier_requests_up_once(project: Project, agent: Caller) -> None:
    policy = read_policy(
        {"rules": [{"name": "x", "effect": "review", "condition": "history.agent.failed + history.session.failed > 1"}]}
    )

    def queries(actions: int) -> int:
        subjects = [Subject(action="refund", agent="bot", session_id="s") for _action in range(actions)]
        with CaptureQueriesContext(connection) as captured:
            judge(project=project, policy=policy, subjects=subjects, now=NOON)
        return len(captured)

    assert queries(1) == queries(20) == 3
