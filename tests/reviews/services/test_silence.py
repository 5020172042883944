"""Silence approves only where a rule says so, nobody spoke up, and everybody had the time that the rule gives."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from agents.authentication import Caller
from agents.models import Project
from reviews import states
from reviews.models import Approval
from reviews.policy.plan import OnTimeout, ReviewPlan, dump_plan
from reviews.policy.reading import read_policy
from reviews.policy.schema import DEFAULT_LEVELS, Effect, Policy, Rule, load
from reviews.policy.timing import NotAllowed
from reviews.services import expiry, information, policies
from reviews.services.decisions import Ruling, decide
from reviews.services.requests import ItemDraft, RequestDraft, create_request
from tests.reviews.conftest import NOON, REFUND

Make = Callable[..., Approval]
Publish = Callable[..., None]
DAY, MINUTE, SECOND = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)
SILENT = {"name": "mail", "effect": "review", "condition": "true", "review": {"on_timeout": "approve"}}
NEVER = {"name": "never wire", "effect": "auto_reject", "condition": 'action == "wire"', "reason": "By hand only."}
CRITICAL = {"amount": 20_000, "irreversible": True, "data_classification": "confidential"}


@pytest.fixture
def put_in_force(project: Project, ana: Caller) -> Publish:
    def publish(*rules: dict[str, Any]) -> None:
        policies.publish(project=project, by=ana, policy=read_policy({"rules": list(rules)}), now=NOON)

    return publish


def silent(**review: Any) -> dict[str, Any]:
    return {**SILENT, "review": {"on_timeout": "approve", **review}}


def after(approval: Approval) -> Approval:
    """The request as it is when its deadline has passed."""
    assert expiry.expire_due(now=approval.expires_at) == 1
    approval.refresh_from_db()
    return approval


def test_an_agent_does_not_shorten_the_time_to_object(put_in_force: Publish, request_one: Make) -> None:
    put_in_force(silent(deadline_seconds=86_400))
    approval = request_one(timeout=SECOND)
    assert approval.expires_at == NOON + DAY
    assert expiry.expire_due(now=NOON + MINUTE) == 0
    assert request_one(timeout=SECOND, on_timeout="reject").expires_at == NOON + SECOND


def test_nor_before_the_last_step_of_a_chain_that_ends_in_approval(put_in_force: Publish, request_one: Make) -> None:
    escalation = {"steps": [{"user": "ana@example.org", "seconds": 60}], "final": "approve"}
    put_in_force(silent(deadline_seconds=3_600, on_timeout="escalate", escalation=escalation))
    assert request_one(timeout=SECOND).expires_at == NOON + 61 * MINUTE


def test_nor_where_the_rule_names_no_deadline(put_in_force: Publish, request_one: Make, settings: Any) -> None:
    put_in_force(silent())
    assert request_one(timeout=SECOND).timeout_seconds == settings.APPROVAL_TIMEOUT_SECONDS


def test_what_a_rule_rejects_is_not_approved_by_silence_in_a_batch(
    put_in_force: Publish, project: Project, agent: Caller
) -> None:
    put_in_force(NEVER, SILENT)
    items = (ItemDraft(action="send_mail"), ItemDraft(action="wire"))
    approval = create_request(project=project, by=agent, draft=RequestDraft(items=items), now=NOON)
    assert approval.on_timeout == "reject"
    assert after(approval).status == "expired"


@pytest.mark.parametrize("allowed", [("approve",), ("approve", "edit"), ("reject", "respond")])
def test_nobodys_silence_counts_where_people_could_not_say_yes_and_no(
    put_in_force: Publish, request_one: Make, allowed: tuple[str, ...]
) -> None:
    put_in_force(SILENT)
    assert after(request_one(allowed_decisions=allowed)).status == "expired"
    with pytest.raises(NotAllowed):
        request_one(allowed_decisions=allowed, on_timeout="approve")


def test_a_rule_rejects_whatever_verdicts_an_agent_allows(put_in_force: Publish, request_one: Make) -> None:
    put_in_force(NEVER, SILENT)
    approval = request_one(action="wire", allowed_decisions=("approve", "edit"))
    assert (approval.status, approval.decided_by_label) == ("rejected", "policy")


def test_a_question_without_an_answer_is_no_silence(put_in_force: Publish, request_one: Make, ana: Caller) -> None:
    put_in_force(SILENT)
    asked, answered = request_one(), request_one()
    for approval in (asked, answered):
        information.request_info(approval=approval, by=ana, text="Why?", now=NOON)
    agent = Caller(key=answered.requested_by_key)
    information.post_message(approval=answered, by=agent, text="Because.", now=NOON + MINUTE)
    assert expiry.expire_due(now=asked.expires_at) == 2
    assert [Approval.objects.get(pk=one.pk).status for one in (asked, answered)] == ["expired", "approved"]


def test_somebodys_changes_are_not_passed_over(request_one: Make, ana: Caller) -> None:
    approval = request_one()
    approval.plan = dump_plan(ReviewPlan(approvals=2))
    approval.on_timeout = approval.at_expiry = "approve"
    approval.save()
    edit = Ruling(verdict=states.Verdict.EDIT, arguments={**REFUND, "amount": 1})
    decide(approval=approval, by=ana, ruling=edit, now=NOON)
    assert after(approval).status == "expired"


@pytest.mark.parametrize(
    "review",
    [{"approvals": 2}, {"four_eyes": True}, {"reauthenticate": True}, {"risk_level": "critical"}],
)
def test_a_rule_that_asks_for_people_cannot_do_with_silence(review: dict[str, Any]) -> None:
    rule = {"name": "x", "effect": "review", "condition": "true"}
    escalation = {"steps": [{"team": "a", "seconds": 60}], "final": "approve"}
    for ending, field in (
        ({"on_timeout": "approve"}, "on_timeout"),
        ({"escalation": escalation}, "escalation.final"),
    ):
        with pytest.raises(ValueError, match=rf"rules\[0\].review.{field}: must not be approve"):
            read_policy({"rules": [{**rule, "review": {**review, **ending}}]})


def test_nor_can_one_that_was_published_before_that_was_refused(
    project: Project, ana: Caller, request_one: Make
) -> None:
    plan = ReviewPlan(approvals=3, on_timeout=OnTimeout.APPROVE)
    policy = Policy((Rule("old", Effect.REVIEW, review=plan),), (), DEFAULT_LEVELS)
    policies.publish(project=project, by=ana, policy=policy, now=NOON)
    assert after(request_one()).status == "expired"


def test_what_is_critical_is_never_approved_by_silence(put_in_force: Publish, request_one: Make) -> None:
    put_in_force(silent(four_eyes=False))
    approval = request_one(arguments=CRITICAL)
    assert (approval.risk_level, approval.on_timeout) == ("critical", "reject")
    assert after(approval).status == "expired"


def test_what_is_critical_takes_two_people_unless_the_rule_says_one(put_in_force: Publish, request_one: Make) -> None:
    put_in_force({**SILENT, "review": {}})
    assert request_one(arguments=CRITICAL).review_plan.approvals_needed == 2
    assert request_one(arguments={}).review_plan.approvals_needed == 1
    put_in_force({**SILENT, "review": {"risk_level": "critical"}})
    assert request_one(arguments={}).review_plan.approvals_needed == 2
    put_in_force({**SILENT, "review": {"four_eyes": False}})
    assert request_one(arguments=CRITICAL).review_plan.approvals_needed == 1


def test_versions_from_before_keep_what_they_said_about_critical_requests(
    project: Project, ana: Caller, request_one: Make
) -> None:
    policy = read_policy({"rules": [{**SILENT, "review": {}}]})
    version = policies.publish(project=project, by=ana, policy=policy, now=NOON)
    old = {**version.document, "format": 2}
    assert load(old).rules[0].review.four_eyes is False
    assert load(version.document).rules[0].review.four_eyes is None
