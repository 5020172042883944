"""`cost.budget` in conditions: the share that is spent of the tightest budget of the agent that asks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.authentication import Caller
from agents.models import Project
from metrics.models import Budget
from reviews.models import Approval
from reviews.policy.facts import Subject
from reviews.policy.reading import read_policy
from reviews.policy.templates import TEMPLATES
from reviews.selectors.facts import costs
from reviews.services import policies
from tests.metrics.sending import Sending
from tests.reviews.conftest import NOON

DOLLAR = 10**9


@pytest.fixture
def sending(project: Project) -> Sending:
    return Sending(project, now=NOON)


def budget(project: Project, dollars: float, **of: str) -> Budget:
    values = {"project": project, "name": "b", "period": "month", "when_spent": "warn", "created_at": NOON}
    return Budget.objects.create(**values, limit_nanos=int(dollars * DOLLAR), **of)


def spend(sending: Sending, agent: str, *, model: str = "gpt-4o-mini") -> None:
    """15 cents of an agent."""
    root = sending.agent(agent)
    sending.send([root, sending.call(root, tokens=(1_000_000, 0), model=model)])


def known(project: Project, agent: str = "") -> dict[str, float]:
    return costs(project, Subject(action="refund", agent=agent), now=NOON)


def test_the_tightest_budget_of_the_agent_counts(project: Project, sending: Sending) -> None:
    assert known(project, "a")["budget"] == 0.0, "without budgets nothing is spent of them"
    budget(project, 1)
    budget(project, 0.2, agent="a")
    budget(project, 0.01, model="gpt-4o-mini")
    spend(sending, "a")
    assert known(project, "a")["budget"] == pytest.approx(0.75)
    assert known(project, "b")["budget"] == pytest.approx(0.15)
    assert known(project)["budget"] == pytest.approx(0.15), "which model is meant, a request does not say"


def test_a_share_of_what_has_no_price_is_not_given(project: Project, sending: Sending) -> None:
    budget(project, 1)
    spend(sending, "a", model="nobody-knows-this-model")
    assert "budget" not in known(project, "a")
    spend(sending, "a")
    assert known(project, "a")["budget"] == pytest.approx(0.15)


def test_a_rule_can_have_people_look_when_the_budget_is_nearly_spent(
    project: Project, ana: Caller, sending: Sending, request_one: Callable[..., Approval]
) -> None:
    template = next(rule for rule in TEMPLATES if rule.name == "budget nearly spent")
    rules = [
        {"name": template.name, "effect": "review", "condition": template.condition},
        {"name": "rest", "effect": "auto_approve", "condition": "true"},
    ]
    policies.publish(project=project, by=ana, policy=read_policy({"rules": rules}), now=NOON)
    budget(project, 0.16)
    assert request_one(agent="a").rule == "rest"
    spend(sending, "a")
    assert request_one(agent="a").rule == "budget nearly spent"


def test_budgets_are_looked_up_in_queries_that_do_not_grow(project: Project) -> None:
    counts = []
    for number in (1, 6):
        for _ in range(number):
            budget(project, 1)
        with CaptureQueriesContext(connection) as queries:
            known(project, "a")
        counts.append(len(queries))
    assert counts == [4, 4]
