"""One verdict on many requests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from agents.authentication import Caller
from agents.models import Project
from reviews import states
from reviews.models import Approval, Decision
from reviews.policy.reading import read_policy
from reviews.services import policies
from reviews.services.bulk import decide_many
from reviews.services.decisions import InvalidDecision, OwnRequest, Ruling, decide
from reviews.services.requests import create_request
from reviews.services.transitions import AlreadyDecided
from tests.reviews.conftest import NOON, draft, make_project

SOON = NOON + timedelta(minutes=1)
APPROVE = Ruling(verdict=states.Verdict.APPROVE)
SMALL = {"amount": 5}
Make = Callable[..., Approval]


def many(project: Project, by: Caller, *rows: Approval, ruling: Ruling = APPROVE) -> list[Any]:
    ids = [row.pk for row in rows]
    return [result for _id, result in decide_many(project=project, ids=ids, by=by, ruling=ruling, now=SOON)]


def test_each_is_decided_by_itself(project: Project, request_one: Make, ana: Caller, ben: Caller) -> None:
    first, second, gone = (request_one(arguments=SMALL) for _ in range(3))
    own = create_request(project=project, by=ana, draft=draft(arguments=SMALL), now=NOON)
    decide(approval=gone, by=ben, ruling=Ruling(verdict=states.Verdict.REJECT, reason="no"), now=SOON)
    results = many(project, ana, first, gone, own, second, first)
    assert [type(result) for result in results] == [Decision, AlreadyDecided, OwnRequest, Decision]
    assert sorted(Approval.objects.values_list("status", flat=True)) == ["approved", "approved", "pending", "rejected"]


@pytest.mark.parametrize(
    ("other", "why"),
    [({"action": "deploy", "arguments": SMALL}, "same action"), ({"arguments": {"amount": 20_000}}, "low risk")],
)
def test_only_what_is_alike_and_harmless(
    project: Project, request_one: Make, ana: Caller, other: dict[str, Any], why: str
) -> None:
    with pytest.raises(InvalidDecision, match=why):
        many(project, ana, request_one(arguments=SMALL), request_one(**other))
    assert not Decision.objects.exists()


@pytest.mark.parametrize("arguments", [{"amount": "a lot"}, {"amount": 5, "tier": "gold"}])
def test_what_could_not_be_judged_is_looked_at_by_itself(
    project: Project, request_one: Make, ana: Caller, arguments: dict[str, Any]
) -> None:
    rules = [
        {"name": "gold", "effect": "review", "condition": "has(args.tier) && args.tier > 3"},
        {"name": "rest", "effect": "review", "condition": "true"},
    ]
    policies.publish(project=project, by=ana, policy=read_policy({"rules": rules}), now=NOON)
    harmless, doubtful = request_one(arguments=SMALL), request_one(arguments=arguments)
    assert doubtful.risk_level == "low"
    with pytest.raises(InvalidDecision, match="could not be judged"):
        many(project, ana, harmless, doubtful)
    assert [type(one) for one in many(project, ana, harmless)] == [Decision]


def test_requests_of_other_projects_are_not_there(
    project: Project, request_one: Make, ana: Caller, ben: Caller
) -> None:
    elsewhere = create_request(project=make_project("bank"), by=ben, draft=draft(arguments=SMALL), now=NOON)
    with pytest.raises(InvalidDecision, match="Not all of these"):
        many(project, ana, request_one(arguments=SMALL), elsewhere)
    with pytest.raises(InvalidDecision, match="Not all of these"):
        decide_many(project=project, ids=[uuid4()], by=ana, ruling=APPROVE, now=SOON)


def test_changes_are_made_one_at_a_time(project: Project, request_one: Make, ana: Caller) -> None:
    edit = Ruling(verdict=states.Verdict.EDIT, arguments={"amount": 1})
    with pytest.raises(InvalidDecision, match="one request at a time"):
        many(project, ana, request_one(arguments=SMALL), ruling=edit)
