"""What people decide alike becomes a suggested rule: found in a part, confirmed in the rest, tried, only offered."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client

from agents.authentication import Caller
from agents.models import AuditEvent, Project
from console.lib import clock
from reviews import states
from reviews.models import Approval, Backtest, Pattern, PolicyDraft
from reviews.policy.conditions import Trial
from reviews.policy.patterns import Clause, Example, condition_of, search, values_of
from reviews.policy.schema import Effect, load
from reviews.services import backtests, patterns, policies
from reviews.services.decisions import Ruling, decide
from reviews.views.patterns import sentence_of
from tests.reviews.conftest import NOON, make_person

LATER = NOON + timedelta(days=2)


def examples(number: int, decided: Callable[[float, str], str], **more: Any) -> list[Example]:
    chance = random.Random(7)
    found = []
    for place in range(number):
        amount, tier = round(chance.uniform(1, 200), 2), chance.choice(["verified", "new"])
        values = values_of({"amount": amount, **more}, {"customer": {"tier": tier}})
        found.append(Example(UUID(int=place), "refund", decided(amount, tier), values))
    return found


def test_thresholds_and_categories_are_found_together() -> None:
    def decided(amount: float, tier: str) -> str:
        return "approve" if amount < 50 and tier == "verified" else "reject"

    found = {rule.verdict: rule for rule in search(examples(2_000, decided))}
    clauses = {clause.path: clause for clause in found["approve"].clauses}
    assert clauses["context.customer.tier"] == Clause("context.customer.tier", "is", "verified")
    assert clauses["args.amount"].comparison == "below"
    assert 40 <= float(clauses["args.amount"].value) <= 55
    assert found["approve"].agreeing >= 0.95 * found["approve"].matched


def test_chance_is_no_pattern() -> None:
    chance = random.Random(1)
    assert search(examples(3_000, lambda _amount, _tier: chance.choice(["approve", "reject"]))) == []


def test_too_few_decisions_are_no_pattern() -> None:
    assert search(examples(70, lambda _amount, _tier: "approve")) == []
    assert len(search(examples(200, lambda _amount, _tier: "approve"))) == 1


def test_what_does_not_hold_later_is_no_pattern() -> None:
    rows = examples(1_000, lambda _amount, _tier: "approve")
    turned = [
        Example(one.key, one.action, "reject" if place >= 700 and place % 2 else "approve", one.values)
        for place, one in enumerate(rows)
    ]
    assert search(turned) == []


def test_no_text_gets_into_a_rule() -> None:
    values = values_of(
        {
            "note": "Please call Jane Doe",
            "mail": "jane@example.org",
            "phone": "0171 5551234",
            "strange key": 1,
            "in": 2,
        },
        {"messages": [{"content": "secret"}], "tier": "vip", "deep": {"a": {"b": {"c": 1}}}},
    )
    assert values == {"context.tier": "vip"}
    names = [f"n{place}" for place in range(400)]
    many = [
        Example(
            uuid4(), "refund", "approve" if place % 2 else "reject", {"args.name": names[place], "args.n": place % 2}
        )
        for place in range(400)
    ]
    assert all("name" not in clause.path for rule in search(many) for clause in rule.clauses)


@pytest.mark.parametrize(
    ("arguments", "context", "holds"),
    [
        ({"amount": 10}, {"customer": {"tier": "verified"}}, True),
        ({"amount": 50.0}, {"customer": {"tier": "verified"}}, False),
        ({"amount": 10}, {"customer": {}}, False),
        ({"amount": 10}, {}, False),
        ({}, {"customer": {"tier": "verified"}}, False),
        ({"amount": "10"}, {"customer": {"tier": "verified"}}, None),
    ],
)
def test_the_rule_is_a_condition_that_the_engine_takes(
    arguments: dict[str, Any], context: dict[str, Any], holds: bool | None
) -> None:
    source = condition_of(
        'say "hi" \\', [Clause("args.amount", "below", 50.0), Clause("context.customer.tier", "is", "verified")]
    )
    facts = {"action": 'say "hi" \\', "args": arguments, "context": context}
    assert Trial(facts).ask(source).holds is holds


@pytest.fixture
def decided(request_one: Callable[..., Approval], ana: Caller, monkeypatch: pytest.MonkeyPatch) -> Approval:
    """Small refunds were approved, with one exception, large ones rejected; returns the exception. A few are enough."""
    for name, value in {"SUPPORT_MIN": 10, "LATER_MIN": 5, "SURE": 0.8, "SURE_LATER": 0.5}.items():
        monkeypatch.setattr(f"reviews.policy.patterns.{name}", value)
    exception = None
    for place in range(60):
        small, now = place % 2 == 0, NOON + place * timedelta(minutes=1)
        approval = request_one(
            now=now, arguments={"amount": 10 + place % 30 if small else 500 + place}, context={"tier": "vip"}
        )
        odd = place == 50
        verdict = states.Verdict.APPROVE if small and not odd else states.Verdict.REJECT
        ruling = Ruling(verdict=verdict, reason="" if verdict == "approve" else "No")
        decide(approval=approval, by=ana, ruling=ruling, now=now + timedelta(seconds=20))
        exception = approval if odd else exception
    assert exception is not None
    return exception


def tried(now: datetime) -> None:
    for key in backtests.stalled(now=now):
        backtests.run(backtest_id=key, clock=clock.now, until=clock.now() + timedelta(minutes=1))


def test_a_suggestion_is_tried_shown_and_taken_into_the_draft(project: Project, decided: Approval, ana: Caller) -> None:
    lead = make_person("Lea", project, "lead")
    client = Client()
    client.force_login(lead, backend="django.contrib.auth.backends.ModelBackend")
    before = policies.in_force(project=project)

    found = {pattern.verdict: pattern for pattern in patterns.find(project=project, now=LATER)}
    pattern = found["approve"]
    assert (pattern.matched, pattern.agreeing, pattern.exceptions) == (30, 29, [decided.pk])
    assert sentence_of(pattern).startswith(
        "Reviewers approved 29 of 30 requests for process_refund where amount is under 50."
    )
    page = client.get("/p/shop/policies/suggestions/").content.decode()
    assert "Reviewers approved" not in page
    assert "being tried" in page

    tried(LATER)
    page = client.get("/p/shop/policies/suggestions/").content.decode()
    assert "Reviewers approved 29 of 30 requests" in page
    assert f"/p/shop/queue/{decided.pk}/" in page
    pattern.backtest.refresh_from_db()
    assert pattern.backtest.subject == Backtest.Subject.PATTERN
    assert policies.in_force(project=project) == before
    assert not PolicyDraft.objects.exists()

    answer = client.post(f"/p/shop/policies/suggestions/{pattern.pk}/", {"do": "draft"})
    assert answer["Location"] == "/p/shop/policies/draft/"
    rules = load(PolicyDraft.objects.get(project=project).document).rules
    assert (rules[-2].effect, rules[-2].condition) == (Effect.AUTO_APPROVE, pattern.condition)
    assert policies.in_force(project=project) == before
    assert patterns.find(project=project, now=LATER + timedelta(hours=1)) == []
    assert AuditEvent.objects.filter(action="policy.pattern_drafted").count() == 1


def test_a_suggestion_that_was_dismissed_does_not_come_back(project: Project, decided: Approval, ana: Caller) -> None:
    for pattern in patterns.find(project=project, now=LATER):
        assert patterns.dismiss(pattern=pattern, by=ana, now=LATER)
        assert not patterns.dismiss(pattern=pattern, by=ana, now=LATER)
    tried(LATER)
    assert Pattern.objects.filter(status="dismissed").count() == 2
    assert patterns.find(project=project, now=LATER + timedelta(minutes=1)) == []
    assert not Pattern.objects.all().proposed().exists()


def test_a_suggestion_of_another_project_is_not_there(
    project: Project, other_project: Project, decided: Approval
) -> None:
    pattern = patterns.find(project=project, now=LATER)[0]
    client = Client()
    client.force_login(make_person("Bo", other_project, "lead"), backend="django.contrib.auth.backends.ModelBackend")
    assert client.post(f"/p/bank/policies/suggestions/{pattern.pk}/", {"do": "draft"}).status_code == 404
    assert patterns.find(project=other_project, now=LATER) == []
