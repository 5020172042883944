"""What nobody could judge is said where people look: on the page of the request, in the list, over the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from agents.authentication import Caller
from agents.models import Notification, Project
from console.lib import clock
from reviews.models import Approval
from reviews.policy.reading import read_policy
from reviews.services import policies
from tests.reviews.conftest import NOON, Api

Create = Callable[..., Approval]
WHY = "many: the condition could not be judged: it asks for count, which the request does not have"
RULES: list[dict[str, Any]] = [
    {"name": "many", "effect": "review", "condition": "args.count > 3", "review": {"risk_level": "high"}},
    {"name": "crit", "effect": "review", "condition": 'action == "wipe"', "review": {"risk_level": "critical"}},
    {"name": "rest", "effect": "review", "condition": "true"},
]


@pytest.fixture
def browser(ana: Caller, client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    assert ana.user is not None
    client.force_login(ana.user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture(autouse=True)
def in_force(project: Project, ana: Caller) -> None:
    policies.publish(project=project, by=ana, policy=read_policy({"rules": RULES}), now=NOON)


def page_of(browser: Client, made: Approval, more: str = "") -> str:
    answer = browser.get(f"/p/shop/queue/{made.pk}/{more}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_condition_that_failed_is_said_above_the_rules_that_are_folded_away(
    browser: Client, request_one: Create
) -> None:
    made = request_one(arguments={"order": "A-17"})
    open_part, folded, _rules = page_of(browser, made).partition('<details class="raw" id="rules-')
    assert folded
    for text in (open_part, page_of(browser, made, "decide/approve/")):
        assert "A condition of the policy could not be judged" in text
        assert WHY in text


def test_a_request_that_was_judged_says_nothing_of_doubt(browser: Client, request_one: Create) -> None:
    made = request_one(arguments={"count": 1})
    assert "could not be judged" not in page_of(browser, made)
    assert "in doubt" not in browser.get("/p/shop/queue/list/").content.decode()


def test_the_list_marks_what_could_not_be_judged(browser: Client, request_one: Create) -> None:
    request_one(arguments={"order": "A-17"})
    assert browser.get("/p/shop/queue/list/").content.decode().count("in doubt") == 1


def test_the_api_says_of_a_request_what_the_assessment_said(agent_api: Api) -> None:
    asked = {"action": "refund", "arguments": {"order": "A-17"}}
    foreseen = agent_api.post("/api/v1/risk-assessments", asked).json()["errors"]
    made = agent_api.post("/api/v1/approvals", asked).json()
    assert made["errors"] == foreseen == [WHY]
    judged = agent_api.post("/api/v1/approvals", {**asked, "arguments": {"count": 1}}).json()
    assert judged["errors"] == []


def test_a_level_that_a_rule_sets_is_said_to_be_set_by_it(browser: Client, request_one: Create) -> None:
    words = "Critical, set by rule “crit”; score 0.00: none of the policy's risk factors applies."
    made = request_one(action="wipe", arguments={"count": 1})
    assert (made.risk_level, made.risk["explanation"]) == ("critical", words)
    assert "Low risk" not in page_of(browser, made)
    assert {note.body for note in Notification.objects.all()} == {words}
