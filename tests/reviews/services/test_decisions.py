"""Deciding: what fits, who may, who was first, and what is written."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction

from agents.authentication import Caller
from agents.models import AuditEvent, Notification, Project, User
from reviews import states
from reviews.models import Approval, ApprovalEvent, Decision, FeedbackExample
from reviews.services import decisions
from reviews.services.decisions import InvalidDecision, NotAPerson, OwnRequest, Ruling, decide
from reviews.services.expiry import expire_due
from reviews.services.information import post_message
from reviews.services.outcomes import NotGranted, record_outcome
from reviews.services.requests import NotTheirs, cancel_request, create_request
from reviews.services.transitions import AlreadyDecided
from tests.reviews.conftest import NOON, REFUND, draft, make_person

V = states.Verdict
SOON = NOON + timedelta(minutes=1)
LATE = NOON + timedelta(minutes=5)
Make = Callable[..., Approval]


def rule(verdict: V, **fields: Any) -> Ruling:
    return Ruling(verdict=verdict, **fields)


APPROVE = rule(V.APPROVE)
CHANGED = {**REFUND, "amount": 900}


@pytest.mark.parametrize(
    ("ruling", "status", "arguments"),
    [
        (APPROVE, "approved", None),
        (rule(V.EDIT, arguments=CHANGED), "approved", CHANGED),
        (rule(V.REJECT, reason="too much"), "rejected", None),
        (rule(V.RESPOND, message="ask again tomorrow"), "answered", None),
    ],
)
def test_a_verdict_closes_the_request_and_is_written_down(
    request_one: Make, ana: Caller, ruling: Ruling, status: str, arguments: object
) -> None:
    approval = request_one()
    decision = decide(approval=approval, by=ana, ruling=ruling, now=SOON)
    assert isinstance(decision, Decision)
    assert (approval.status, approval.verdict, approval.closed_at) == (status, ruling.verdict, SOON)
    assert (decision.arguments, decision.reviewer_role) == (arguments, "reviewer")
    assert [event.kind for event in approval.events.all()] == ["requested", "decided"]
    example = FeedbackExample.objects.get(approval=approval)
    assert (example.verdict, example.decision, example.revision) == (ruling.verdict, decision, 1)
    audit = AuditEvent.objects.get(action="approval.decided")
    assert (audit.actor_user, audit.target) == (ana.user, f"approval {approval.pk}")


@pytest.mark.parametrize(
    ("ruling", "field"),
    [
        (rule(V.REJECT), "reason"),
        (rule(V.REJECT, reason="  "), "reason"),
        (rule(V.RESPOND), "message"),
        (rule(V.EDIT), "arguments"),
        (rule(V.EDIT, arguments=dict(reversed(REFUND.items()))), "arguments"),
        (rule(V.APPROVE, arguments=CHANGED), "arguments"),
        (rule(V.REJECT, reason="no", arguments=CHANGED), "arguments"),
    ],
)
def test_a_ruling_that_does_not_fit_names_its_field_and_changes_nothing(
    request_one: Make, ana: Caller, ruling: Ruling, field: str
) -> None:
    approval = request_one()
    with pytest.raises(InvalidDecision) as refused:
        decide(approval=approval, by=ana, ruling=ruling, now=SOON)
    assert list(refused.value.errors) == [field]
    approval.refresh_from_db()
    assert approval.status == "pending"
    assert not Decision.objects.exists()


def test_approving_with_the_arguments_as_proposed_is_approving(request_one: Make, ana: Caller) -> None:
    approval = request_one()
    assert isinstance(decide(approval=approval, by=ana, ruling=rule(V.APPROVE, arguments=REFUND), now=SOON), Decision)


def test_an_edit_may_change_a_type_alone(request_one: Make, ana: Caller) -> None:
    approval = request_one(arguments={"count": 1})
    decision = decide(approval=approval, by=ana, ruling=rule(V.EDIT, arguments={"count": True}), now=SOON)
    assert isinstance(decision, Decision)
    assert Decision.objects.get().arguments == {"count": True}


def test_only_the_decisions_that_the_request_allows_are_taken(request_one: Make, ana: Caller) -> None:
    approval = request_one(allowed_decisions=("approve", "reject"))
    with pytest.raises(InvalidDecision, match="approve, reject"):
        decide(approval=approval, by=ana, ruling=rule(V.EDIT, arguments=CHANGED), now=SOON)


def test_an_edit_has_to_fit_the_schema_of_the_request(request_one: Make, ana: Caller) -> None:
    schema = {"properties": {"amount": {"type": "number", "maximum": 1_000}}}
    approval = request_one(arguments_schema=schema)
    with pytest.raises(InvalidDecision, match="amount: 5000 is greater than the maximum of 1000"):
        decide(approval=approval, by=ana, ruling=rule(V.EDIT, arguments={"amount": 5_000}), now=SOON)
    assert isinstance(decide(approval=approval, by=ana, ruling=rule(V.EDIT, arguments=CHANGED), now=SOON), Decision)


def _noted(order: list[str], name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def noted(*given: Any) -> Any:
        order.append(name)
        return real(*given)

    return noted


def test_the_schema_is_applied_before_the_request_is_locked(
    request_one: Make, ana: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    approval = request_one(arguments_schema={"properties": {"amount": {"type": "number"}}})
    order: list[str] = []
    for name in ("_unfit", "locked"):
        monkeypatch.setattr(decisions, name, _noted(order, name, getattr(decisions, name)))
    decide(approval=approval, by=ana, ruling=rule(V.EDIT, arguments=CHANGED), now=SOON)
    assert order == ["_unfit", "locked"]


def test_an_agents_key_cannot_decide(request_one: Make, agent: Caller) -> None:
    with pytest.raises(NotAPerson):
        decide(approval=request_one(), by=agent, ruling=APPROVE, now=SOON)


def test_nobody_decides_on_their_own_request(project: Project, ana: Caller, ben: Caller) -> None:
    approval = create_request(project=project, by=ana, draft=draft(), now=NOON)
    with pytest.raises(OwnRequest):
        decide(approval=approval, by=ana, ruling=APPROVE, now=SOON)
    assert isinstance(decide(approval=approval, by=ben, ruling=APPROVE, now=SOON), Decision)


def test_the_second_reviewer_is_told_who_was_first(request_one: Make, ana: Caller, ben: Caller) -> None:
    approval, stale = request_one(), None
    stale = Approval.objects.get(pk=approval.pk)
    decide(approval=approval, by=ana, ruling=rule(V.EDIT, arguments=CHANGED), now=SOON)
    for late in (ben, ana):
        lost = decide(approval=stale, by=late, ruling=rule(V.REJECT, reason="no"), now=SOON)
        assert lost == AlreadyDecided(states.Status.APPROVED, "Ana", "edit", SOON)
        assert lost.sentence == "Ana already approved with changes this request."
    assert Decision.objects.count() == FeedbackExample.objects.count() == 1


def test_no_verdict_is_taken_at_the_deadline_although_nobody_swept(request_one: Make, ana: Caller) -> None:
    approval = request_one()
    lost = decide(approval=approval, by=ana, ruling=APPROVE, now=LATE)
    assert isinstance(lost, AlreadyDecided)
    assert (lost.status, lost.decided_by, lost.verdict) == (states.Status.EXPIRED, None, None)
    approval.refresh_from_db()
    assert (approval.status, approval.verdict, approval.closed_at) == ("expired", "", LATE)


def test_a_verdict_in_the_last_moment_counts(request_one: Make, ana: Caller) -> None:
    approval = request_one()
    moment = LATE - timedelta(microseconds=1)
    assert isinstance(decide(approval=approval, by=ana, ruling=APPROVE, now=moment), Decision)
    assert expire_due(now=LATE) == 0


def test_a_cancelled_request_cannot_be_decided(request_one: Make, agent: Caller, ana: Caller) -> None:
    approval = request_one()
    assert cancel_request(approval=approval, by=agent, reason="changed my mind", now=SOON) is None
    lost = decide(approval=approval, by=ana, ruling=APPROVE, now=SOON)
    assert isinstance(lost, AlreadyDecided)
    assert lost.status is states.Status.CANCELLED
    again = cancel_request(approval=approval, by=agent, now=SOON)
    assert again is not None
    assert FeedbackExample.objects.get().verdict == "cancelled"


def test_messages_are_added_while_the_request_waits(request_one: Make, agent: Caller, ana: Caller) -> None:
    approval = request_one()
    assert post_message(approval=approval, by=agent, text="The customer is waiting.", now=SOON) is None
    decide(approval=approval, by=ana, ruling=APPROVE, now=SOON)
    assert post_message(approval=approval, by=agent, text="Thanks.", now=SOON) is not None
    assert [event.detail["text"] for event in approval.events.filter(kind="message")] == ["The customer is waiting."]


def test_an_outcome_adds_a_revision_and_saying_it_again_does_not(request_one: Make, agent: Caller, ana: Caller) -> None:
    approval = request_one()
    with pytest.raises(NotGranted):
        record_outcome(approval=approval, by=agent, status="succeeded", detail={}, now=SOON)
    decide(approval=approval, by=ana, ruling=APPROVE, now=SOON)
    for status in ("succeeded", "succeeded", "reverted"):
        record_outcome(approval=approval, by=agent, status=status, detail={"ref": 7}, now=LATE)
    seen = FeedbackExample.objects.order_by("revision").values_list("revision", "outcome__status")
    assert list(seen) == [(1, None), (2, "succeeded"), (3, "reverted")]
    assert [event.kind for event in approval.events.all()] == ["requested", "decided", "outcome", "outcome"]


def test_reviewers_are_notified_but_not_of_their_own_request(
    project: Project, request_one: Make, ana: Caller, ben: Caller
) -> None:
    make_person("Vera", project, "viewer")
    request_one(summary="Refund of order A-17")
    assert set(Notification.objects.values_list("user__name", "body")) == {
        ("Ana", "Refund of order A-17"),
        ("Ben", "Refund of order A-17"),
    }
    create_request(project=project, by=ana, draft=draft(action="own"), now=NOON)
    assert list(Notification.objects.filter(title__contains="own").values_list("user__name", flat=True)) == ["Ben"]


@pytest.mark.parametrize("model", [Decision, ApprovalEvent, FeedbackExample])
def test_what_was_written_cannot_be_changed_or_deleted(request_one: Make, ana: Caller, model: Any) -> None:
    decide(approval=request_one(), by=ana, ruling=APPROVE, now=SOON)
    rows: Any = model.objects.all()
    for spoil in (functools.partial(rows.update, project=None), functools.partial(rows._raw_delete, "default")):
        with pytest.raises(DatabaseError, match=r"Cannot (update|delete|update or delete) rows"), transaction.atomic():
            spoil()


def test_arguments_keep_the_order_and_the_types_in_which_they_were_sent(request_one: Make) -> None:
    arguments = {"z": 1, "a": 1.0, "m": {"y": True, "b": None}, "big": 12345678901234567890123}
    approval = request_one(arguments=arguments)
    stored = Approval.objects.get(pk=approval.pk).item.arguments
    assert repr(stored) == repr(arguments)


@pytest.mark.django_db(transaction=True)
def test_a_decision_that_breaks_in_the_middle_leaves_nothing(
    request_one: Make, ana: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    approval = request_one()

    def break_down(**_: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("reviews.services.feedback.add_decided", break_down)
    with pytest.raises(RuntimeError):
        decide(approval=approval, by=ana, ruling=APPROVE, now=SOON)
    assert Approval.objects.get().status == "pending"
    assert not Decision.objects.exists()
    assert not AuditEvent.objects.filter(action="approval.decided").exists()


def test_browsers_are_told_after_the_commit(
    project: Project,
    request_one: Make,
    ana: Caller,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    sent: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(
        "console.lib.live._outgoing._hand_on",
        lambda messages: sent.extend((group, json.loads(message)) for group, message in messages),
    )
    with django_capture_on_commit_callbacks(execute=True):
        approval = request_one()
        assert sent == []
    with django_capture_on_commit_callbacks(execute=True):
        decide(approval=approval, by=ana, ruling=APPROVE, now=SOON)
    queue = [body for group, body in sent if group == f"p{project.pk}.queue"]
    assert [(body["status"], body["waiting"]) for body in queue] == [("pending", 1), ("approved", 0)]
    assert (f"p{project.pk}.approval.{approval.pk}", "approved") in [
        (group, body.get("status")) for group, body in sent
    ]


@pytest.mark.django_db(transaction=True)
def test_badges_count_what_was_committed_meanwhile(
    request_one: Make, ana: Caller, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ana.user is not None
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "console.lib.live._outgoing._hand_on",
        lambda messages: sent.extend(json.loads(message) for _group, message in messages),
    )
    request_one()

    def elsewhere() -> None:
        try:
            request_one()
        finally:
            connections.close_all()

    with transaction.atomic():
        request_one()
        other = threading.Thread(target=elsewhere)
        other.start()
        other.join(30)
    assert [body["waiting"] for body in sent if "waiting" in body] == [1, 2, 3]
    assert [body["unread"] for body in sent if "unread" in body] == [1, 2, 3]


@pytest.mark.django_db(transaction=True)
def test_a_count_that_fails_does_not_undo_what_was_committed(
    request_one: Make, monkeypatch: pytest.MonkeyPatch, project: Project
) -> None:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "console.lib.live._outgoing._hand_on",
        lambda messages: sent.extend(json.loads(message) for _group, message in messages),
    )

    def gone(*_: Any, **__: Any) -> int:
        raise DatabaseError("the server is away")

    monkeypatch.setattr("reviews.services.transitions.waiting_count", gone)
    assert request_one().status == "pending"
    assert {"group": f"p{project.pk}.queue", "status": "pending"} in sent


@pytest.mark.django_db(transaction=True)
def test_of_fifty_reviewers_one_wins_and_the_others_are_told_by_whom(project: Project, request_one: Make) -> None:
    approval = request_one()
    people = [make_person(f"Reviewer{n}", project, "reviewer") for n in range(50)]
    gate = threading.Barrier(50)
    results: list[Decision | AlreadyDecided] = []

    def race(person: User, mine: Approval) -> None:
        try:
            gate.wait(30)
            results.append(decide(approval=mine, by=Caller(user=person), ruling=APPROVE, now=SOON))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=race, args=(person, Approval.objects.get(pk=approval.pk))) for person in people]
    connection.close()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    winners = [result for result in results if isinstance(result, Decision)]
    losers = [result for result in results if isinstance(result, AlreadyDecided)]
    assert (len(winners), len(losers)) == (1, 49)
    assert {loser.decided_by for loser in losers} == {winners[0].reviewer_name}
    assert Decision.objects.count() == FeedbackExample.objects.count() == 1
    assert ApprovalEvent.objects.filter(kind="decided").count() == 1


def test_a_person_takes_back_only_what_they_asked_for_themselves(
    project: Project, request_one: Callable[..., Approval], ana: Caller, ben: Caller
) -> None:
    of_agent = request_one()
    with pytest.raises(NotTheirs, match="reject it and say why"):
        cancel_request(approval=of_agent, by=ana, now=NOON)
    own = create_request(project=project, by=ana, draft=draft(), now=NOON)
    with pytest.raises(NotTheirs):
        cancel_request(approval=own, by=ben, now=NOON)
    assert cancel_request(approval=own, by=ana, now=NOON) is None
    assert sorted(Approval.objects.values_list("status", flat=True)) == ["cancelled", "pending"]
