"""What was decided before on requests like this one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.authentication import Caller
from agents.models import Project
from reviews import states
from reviews.models import Approval, Precedent
from reviews.selectors.precedents import Precedents, similar
from reviews.services import flow
from reviews.services.decisions import Ruling, decide
from reviews.services.outcomes import record_outcome
from reviews.services.requests import create_request
from tests.reviews.conftest import NOON, REFUND, draft, make_key, make_person

MINUTE = timedelta(minutes=1)
Decided = Callable[..., Approval]


@pytest.fixture
def decided(request_one: Callable[..., Approval], ana: Caller) -> Decided:
    """Makes a request and decides it a minute later."""

    def make(verdict: str = "approve", *, now: Any = NOON, **fields: Any) -> Approval:
        approval = request_one(now=now, **fields)
        edited = {**REFUND, "amount": 1} if verdict == "edit" else None
        ruling = Ruling(verdict=states.Verdict(verdict), reason="Not ours", message="Use the form", arguments=edited)
        decide(approval=approval, by=ana, ruling=ruling, now=now + MINUTE)
        return Approval.objects.get(pk=approval.pk)

    return make


def counted(approval: Approval, **options: Any) -> Precedents:
    while flow.count():
        pass
    return similar(approval=approval, **options)


def test_the_most_similar_come_first_with_their_verdict_reason_and_outcome(
    decided: Decided, request_one: Callable[..., Approval], agent: Caller
) -> None:
    near = decided("reject", arguments={**REFUND, "amount": 11_000})
    same = decided(arguments=REFUND)
    record_outcome(approval=same, by=agent, status="succeeded", detail={}, now=NOON + 2 * MINUTE)
    decided(arguments={"to": "x@example.org", "subject": "Hello"})

    found = counted(request_one(arguments=REFUND))

    assert [row.approval.pk for row in found.rows] == [same.pk, near.pk]
    first, second = found.rows
    assert first.equal
    assert first.likeness == pytest.approx(1.0, abs=0.01)
    assert not second.equal
    assert first.approval.outcome is not None
    assert second.decision is not None
    assert (second.verdict, second.decision.reason) == ("reject", "Not ours")
    assert (found.searched, found.considered, found.approved) == (3, 2, 1)


def test_the_share_approved_counts_edits_and_carries_its_interval(
    decided: Decided, request_one: Callable[..., Approval]
) -> None:
    for verdict in ("approve", "edit", "reject", "respond"):
        decided(verdict)
    found = counted(request_one())
    assert (found.considered, found.approved) == (4, 2)
    assert found.share.value == 0.5
    # Wilson for 2 of 4, as published calculators give it.
    assert found.share.low == pytest.approx(0.15, abs=0.001)
    assert found.share.high == pytest.approx(0.85, abs=0.001)


def test_other_projects_decide_nothing_here(
    decided: Decided, request_one: Callable[..., Approval], other_project: Project
) -> None:
    key, _secret = make_key(other_project)
    theirs = create_request(project=other_project, by=Caller(key=key), draft=draft(), now=NOON)
    reviewer = Caller(user=make_person("Zoe", other_project, "reviewer"))
    decide(approval=theirs, by=reviewer, ruling=Ruling(verdict=states.Verdict.REJECT, reason="No"), now=NOON + MINUTE)
    found = counted(request_one())
    assert Precedent.objects.count() == 1
    assert (found.searched, found.considered, found.rows) == (0, 0, [])


def test_of_a_decided_request_only_what_was_decided_before_it_counts(decided: Decided) -> None:
    first = decided()
    second = decided(now=NOON + 10 * MINUTE)
    assert [row.approval.pk for row in counted(second).rows] == [first.pk]
    assert counted(first).rows == []


def test_the_same_arguments_are_found_however_many_others_were_decided_since(
    decided: Decided, request_one: Callable[..., Approval], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reviews.selectors.precedents.SEARCHED", 2)
    old = decided("reject", arguments=REFUND)
    for number in range(3):
        decided(now=NOON + (number + 1) * MINUTE, arguments={**REFUND, "order": f"B-{number}", "amount": 11_000})
    found = counted(request_one(arguments=REFUND))
    assert (found.searched, found.considered, found.approved) == (2, 3, 2)
    assert found.rows[0].approval.pk == old.pk


def test_what_nobody_decided_is_no_precedent(request_one: Callable[..., Approval]) -> None:
    from reviews.services.expiry import expire_due

    request_one(timeout=MINUTE)
    expire_due(now=NOON + 2 * MINUTE)
    assert counted(request_one()).considered == 0


def test_the_number_of_queries_does_not_grow_with_the_precedents(
    decided: Decided, request_one: Callable[..., Approval]
) -> None:
    decided()
    asked = request_one()
    counted(asked)
    with CaptureQueriesContext(
        connection,
    ) as few:
        similar(approval=asked)
    for _ in range(6):
        decided()
    counted(asked)
    with CaptureQueriesContext(connection) as many:
        assert len(similar(approval=asked).rows) == 5
    assert len(many) == len(few) <= 7


@pytest.mark.parametrize("name", ["refund", "Process-Refund", "processRefund", "process_refund_now"])
def test_an_action_by_another_name_is_shown_and_not_counted(
    decided: Decided, request_one: Callable[..., Approval], name: str
) -> None:
    earlier = decided("reject", action=name)
    decided(action="process_invoice")
    found = counted(request_one(action="process_refund"))
    assert [row.approval.pk for row in found.rows] == [earlier.pk]
    assert (found.searched, found.considered, found.share.value) == (0, 0, None)
    own = decided(action="process_refund", now=NOON + MINUTE)
    found = counted(request_one(action="process_refund"))
    assert [row.approval.pk for row in found.rows] == [own.pk, earlier.pk]
    assert (found.considered, found.approved) == (1, 1)
