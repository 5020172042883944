"""What is critical asks people to prove who they are and to be two, unless a rule says otherwise; pages say so."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from agents.authentication import Caller
from agents.models import Project
from reviews.models import Approval, Decision
from reviews.policy.plan import ReviewPlan
from reviews.policy.reading import read_policy
from reviews.policy.schema import dump, load
from reviews.services import policies
from tests.reviews.conftest import NOON, Api, make_person
from tests.reviews.test_pages_deciding import ask, reviewer, send
from tests.reviews.test_pages_people import Ask, page_of
from tests.reviews.test_pages_proving import signed_in

__all__ = ["ask", "reviewer"]

GRAVE = {"amount": 20_000, "irreversible": True, "data_classification": "confidential"}
CRITICAL = {"name": "crit", "effect": "review", "condition": "true", "review": {"risk_level": "critical"}}
PATH = "/api/v1/approvals"


def put_in_force(project: Project, ana: Caller, *rules: dict[str, Any]) -> None:
    policies.publish(project=project, by=ana, policy=read_policy({"rules": list(rules)}), now=NOON)


def with_review(**review: Any) -> dict[str, Any]:
    return {**CRITICAL, "review": {"risk_level": "critical", **review}}


def test_a_critical_request_is_not_decided_by_one_key_press(
    ask: Ask, reviewer: Client, ana: Caller, project: Project
) -> None:
    assert ana.user is not None
    put_in_force(project, ana, CRITICAL)
    wanted = ask()
    page = page_of(reviewer, wanted)
    assert 'id="approve"' not in page
    assert 'id="confirm-person"' in page
    assert "Confirm first that it is you" in send(reviewer, wanted, htmx=True, verdict="approve").headers["HX-Trigger"]
    assert not Decision.objects.exists()
    signed_in(reviewer, ana.user, ago=0)
    send(reviewer, wanted, htmx=True, verdict="approve")
    assert Decision.objects.get().verdict == "approve"


def test_a_new_project_asks_for_the_proof_where_its_factors_say_critical(
    ask: Ask, reviewer: Client, request_one: Callable[..., Approval]
) -> None:
    grave = ask(arguments=GRAVE)
    assert (grave.risk_level, grave.review_plan.approvals_needed) == ("critical", 1)
    assert 'id="approve"' not in page_of(reviewer, grave)
    assert 'id="approve"' in page_of(reviewer, ask(arguments={"amount": 5}))


def test_a_rule_may_say_that_nobody_signs_in_again(ask: Ask, reviewer: Client, ana: Caller, project: Project) -> None:
    put_in_force(project, ana, with_review(reauthenticate=False))
    assert 'id="approve"' in page_of(reviewer, ask())


def test_a_critical_request_can_be_decided_with_a_token_unless_its_rule_asks_for_the_proof_itself(
    project: Project, ana: Caller, agent_api: Api, reviewer_api: Api
) -> None:
    asked = {"action": "wipe", "arguments": {}}
    put_in_force(project, ana, CRITICAL)
    assert agent_api.post("/api/v1/risk-assessments", asked).json()["review"]["reauthenticate"] is True
    made = agent_api.post(PATH, asked).json()
    assert reviewer_api.post(f"{PATH}/{made['id']}/decisions", {"verdict": "approve"}).status_code == 200
    put_in_force(project, ana, with_review(reauthenticate=True))
    made = agent_api.post(PATH, asked).json()
    assert reviewer_api.post(f"{PATH}/{made['id']}/decisions", {"verdict": "approve"}).status_code == 403


def test_a_session_proves_itself_over_the_api_too(
    project: Project, ana: Caller, agent_api: Api, reviewer: Client
) -> None:
    assert ana.user is not None
    put_in_force(project, ana, CRITICAL)
    made = agent_api.post(PATH, {"action": "wipe", "arguments": {}}).json()
    path, body = f"{PATH}/{made['id']}/decisions", json.dumps({"verdict": "approve"})
    assert reviewer.post(path, body, content_type="application/json").status_code == 403
    signed_in(reviewer, ana.user, ago=0)
    assert reviewer.post(path, body, content_type="application/json").status_code == 200


def test_versions_from_before_keep_what_they_said_about_signing_in_again() -> None:
    document = dump(read_policy({"rules": [CRITICAL, with_review(reauthenticate=True) | {"name": "asks"}]}))
    assert [rule.review.reauthenticate for rule in load(document).rules] == [None, True]
    assert [rule.review.reauthenticate for rule in load({**document, "format": 3}).rules] == [False, True]
    old = load({**document, "format": 3})
    assert load(dump(old)) == old


def test_of_a_batch_one_rule_that_says_never_does_not_speak_for_the_others() -> None:
    lax, silent, strict = (ReviewPlan(reauthenticate=said) for said in (False, None, True))
    assert not lax.stricter(lax).at_level("critical").asks_proof
    assert lax.stricter(silent).at_level("critical").asks_proof
    assert not lax.stricter(silent).at_level("high").asks_proof
    assert lax.stricter(strict).asks_proof


def test_the_policy_page_says_what_a_critical_rule_takes(project: Project, ana: Caller, reviewer: Client) -> None:
    make_person("Ben", project, "reviewer")
    put_in_force(project, ana, CRITICAL)
    page = reviewer.get("/p/shop/policies/").content.decode()
    assert "2 approvals · critical risk · reviewers sign in again" in page
    put_in_force(project, ana, with_review(four_eyes=False, reauthenticate=False))
    page = reviewer.get("/p/shop/policies/").content.decode()
    assert "1 approval · critical risk · one person even where the risk is critical" in page
    assert "no signing in again even where the risk is critical" in page


def test_where_one_person_decides_the_policy_warns_of_what_is_critical(project: Project, ana: Caller) -> None:
    def warned(**review: Any) -> list[str]:
        policy = read_policy({"rules": [{**CRITICAL, "review": review}]})
        return policies.warnings(project=project, policy=policy, now=NOON)

    assert ["asks for 2 approvals, and 1 in this project" in text for text in warned(risk_level="critical")] == [True]
    assert ["2 approvals where the risk is critical, and 1" in text for text in warned()] == [True]
    assert warned(risk_level="high") == warned(four_eyes=False) == []
    make_person("Ben", project, "reviewer")
    assert warned() == warned(risk_level="critical") == []


@pytest.mark.parametrize(("chosen", "means"), [("", None), ("always", True), ("never", False)])
def test_the_form_of_a_rule_lets_choose_when_reviewers_sign_in_again(
    project: Project, chosen: str, means: bool | None
) -> None:
    lead = Client()
    lead.force_login(make_person("Lea", project, "lead"), backend="django.contrib.auth.backends.ModelBackend")
    form = {"name": "x", "condition": "true", "effect": "review", "approvals": 1, "loops": 0, "final": "reject"}
    lead.post("/p/shop/policies/draft/rules/0/", {**form, "edition": 0, "reauthenticate": chosen})
    draft = policies.draft_of(project=project)
    assert draft is not None
    found = load(draft.document).rules[0]
    assert found == replace(found, name="x", review=ReviewPlan(reauthenticate=means))
