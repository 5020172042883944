"""A week of deadlines in a few milliseconds: reminders, steps, loops and ends, with clocks that jump."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction

from agents.authentication import Caller
from agents.models import AuditEvent, Membership, Notification, Project, Team, TeamMember
from agents.services import absences, teams
from reviews import states
from reviews.models import Approval, ApprovalEvent, Decision, FeedbackExample
from reviews.policy.reading import read_policy
from reviews.policy.timing import NotAllowed
from reviews.services import escalation, expiry, policies, reminders
from reviews.services.decisions import Ruling, decide
from reviews.services.requests import ItemDraft, RequestDraft, create_request
from reviews.services.transitions import AlreadyDecided
from tests.reviews.conftest import NOON, REFUND, make_person

Make = Callable[..., Approval]
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
STEPS = [{"team": "leads", "seconds": 1_200}, {"user": "boss@example.org", "seconds": 600}]
CHAIN = {
    "deadline_seconds": 3_600,
    "on_timeout": "escalate",
    "team": "front",
    "escalation": {"steps": STEPS, "loops": 1},
}


@pytest.fixture
def people(project: Project, ana: Caller) -> dict[str, Team]:
    """Ana is the front team, Lea the leads, and there is a boss."""
    make_person("Boss", project, "lead")
    members = {"front": "Ana", "leads": "Lea"}
    make_person("Lea", project, "lead")
    found = {}
    for name, person in members.items():
        found[name] = teams.create(project=project, name=name, by=ana, now=NOON)
        TeamMember.objects.create(team=found[name], membership=Membership.objects.get(user__name=person))
    Notification.objects.all().delete()
    return found


@pytest.fixture
def in_force(project: Project, ana: Caller, people: dict[str, Team]) -> Callable[..., None]:
    def publish(**review: Any) -> None:
        rules = [{"name": "all", "effect": "review", "condition": "true", "review": review}]
        policies.publish(project=project, by=ana, policy=read_policy({"rules": rules}), now=NOON)

    return publish


@pytest.fixture
def chained(in_force: Callable[..., None], request_one: Make) -> Approval:
    in_force(**CHAIN)
    return request_one(timeout=None)


def sweep(now: datetime) -> tuple[int, int, int]:
    """What the workers do at a moment; how many were reminded of, escalated and ended."""
    return (
        reminders.send_due(now=now),
        escalation.advance_due(now=now),
        expiry.expire_due(now=now),
    )


def told() -> list[str]:
    rows = Notification.objects.order_by("id").values_list("kind", "user__name")
    return [f"{kind.removeprefix('approval.')} {name}" for kind, name in rows]


def stands(approval: Approval) -> tuple[int, str | None, str | None]:
    approval.refresh_from_db()
    team, person = approval.routed_to, approval.assigned_to
    return approval.escalation_step, team.slug if team else None, person.name if person else None


def test_a_chain_runs_to_its_end_and_asks_each_in_turn(chained: Approval) -> None:
    assert (chained.expires_at, chained.next_step_at) == (NOON + 2 * HOUR, NOON + HOUR)
    assert chained.due_minute == int((NOON + HOUR).timestamp()) // 60
    assert sweep(NOON + HOUR - MINUTE)[1:] == (0, 0)
    seen = []
    for minutes in (60, 80, 90, 110):
        assert sweep(NOON + minutes * MINUTE)[1:] == (1, 0)
        assert sweep(NOON + (minutes + 1) * MINUTE)[1:] == (0, 0)
        seen.append(stands(chained))
    assert seen == [(1, "leads", None), (2, None, "Boss"), (3, "leads", None), (4, None, "Boss")]
    assert chained.next_step_at is None
    assert sweep(NOON + 2 * HOUR) == (0, 0, 1)
    chained.refresh_from_db()
    assert (chained.status, chained.on_timeout, chained.closed_at) == ("expired", "escalate", NOON + 2 * HOUR)
    steps = [event.detail["to"] for event in chained.events.filter(kind="escalated").order_by("id")]
    assert steps == ["leads", "Boss", "leads", "Boss"]
    assert AuditEvent.objects.filter(action="approval.escalated").count() == 4


def test_only_those_who_are_asked_are_told_and_reminded(chained: Approval) -> None:
    for minutes in range(121):
        sweep(NOON + minutes * MINUTE)
    first = ["requested Ana", "reminded Ana", "reminded Ana"]
    leads = ["escalated Lea", "reminded Lea", "reminded Lea"]
    boss = ["escalated Boss", "reminded Boss", "reminded Boss"]
    assert told() == first + leads + boss + leads + boss


def test_steps_that_went_by_while_nobody_worked_are_skipped(chained: Approval) -> None:
    assert sweep(NOON + 95 * MINUTE)[1:] == (1, 0)
    assert stands(chained) == (3, "leads", None)
    assert chained.events.last().detail["skipped"] == 2  # type: ignore[union-attr]
    assert told() == ["requested Ana", "escalated Lea"]


def test_after_a_week_of_silence_a_request_ends_once_and_asks_nobody(chained: Approval) -> None:
    assert sweep(NOON + 7 * DAY) == (0, 0, 1)
    assert sweep(NOON + 7 * DAY) == (0, 0, 0)
    chained.refresh_from_db()
    assert (chained.status, chained.escalation_step) == ("expired", 0)
    assert told() == ["requested Ana"]


def test_a_clock_that_jumps_back_repeats_nothing(chained: Approval) -> None:
    assert sweep(NOON + 80 * MINUTE)[1] == 1
    before = told()
    for minutes in (-100_000, 0, 30, 60, 79, 80):
        assert sweep(NOON + minutes * MINUTE) == (0, 0, 0)
    assert told() == before
    assert stands(chained) == (2, None, "Boss")
    assert sweep(NOON + 90 * MINUTE)[1] == 1


def test_a_verdict_is_taken_at_any_step_and_none_after_the_last(
    chained: Approval, request_one: Make, ana: Caller
) -> None:
    other = request_one(timeout=None)
    sweep(NOON + 80 * MINUTE)
    ruling = Ruling(verdict=states.Verdict.APPROVE)
    assert isinstance(decide(approval=chained, by=ana, ruling=ruling, now=NOON + 119 * MINUTE), Decision)
    late = decide(approval=other, by=ana, ruling=ruling, now=NOON + 120 * MINUTE)
    assert isinstance(late, AlreadyDecided)
    assert late.status is states.Status.EXPIRED
    assert sweep(NOON + 3 * HOUR) == (0, 0, 0)


def test_a_step_goes_to_whoever_stands_in(chained: Approval, project: Project) -> None:
    lea = Membership.objects.get(user__name="Lea").user
    boss = Membership.objects.get(user__name="Boss").user
    absences.plan(user=boss, delegate=lea, starts_at=NOON, ends_at=NOON + DAY, now=NOON)
    sweep(NOON + 80 * MINUTE)
    assert stands(chained) == (2, None, "Lea")


def test_a_step_of_a_team_that_is_gone_asks_everybody(chained: Approval, people: dict[str, Team], ana: Caller) -> None:
    teams.archive(team=people["leads"], by=ana, now=NOON)
    sweep(NOON + HOUR)
    assert stands(chained) == (1, None, None)
    assert [line for line in told() if line.startswith("escalated")] == [
        "escalated Ana",
        "escalated Boss",
        "escalated Lea",
    ]


def test_somebody_with_many_at_once_is_told_in_one_line(in_force: Callable[..., None], request_one: Make) -> None:
    in_force(**CHAIN)
    for _number in range(5):
        request_one(timeout=None)
    Notification.objects.all().delete()
    assert escalation.advance_due(now=NOON + HOUR) == 5
    assert list(Notification.objects.values_list("title", flat=True)) == ["5 requests were escalated to you"]


def test_where_the_policy_says_so_silence_approves(
    in_force: Callable[..., None], request_one: Make, ana: Caller
) -> None:
    in_force(deadline_seconds=600, on_timeout="approve")
    approval = request_one(timeout=None)
    assert sweep(NOON + 10 * MINUTE) == (0, 0, 1)
    approval.refresh_from_db()
    assert (approval.status, approval.verdict, approval.decided_by_label) == ("approved", "approve", "timeout")
    assert approval.decided_by is None
    last = approval.decisions.order_by("id").last()
    assert last is not None
    assert (last.reviewer, last.reviewer_name, last.verdict) == (None, "timeout", "approve")
    assert FeedbackExample.objects.get(approval=approval).decision == last
    assert approval.receipts.count() == 1
    late = decide(approval=approval, by=ana, ruling=Ruling(verdict=states.Verdict.APPROVE), now=NOON + HOUR)
    assert isinstance(late, AlreadyDecided)
    assert late.decided_by == "timeout"


def test_at_the_end_of_a_chain_silence_may_approve(in_force: Callable[..., None], request_one: Make) -> None:
    in_force(**CHAIN | {"escalation": {"steps": STEPS, "loops": 0, "final": "approve"}})
    approval = request_one(timeout=None)
    assert sweep(approval.expires_at)[2] == 1
    approval.refresh_from_db()
    assert (approval.status, approval.decided_by_label) == ("approved", "timeout")


def test_silence_approves_only_the_open_items_of_a_batch(
    in_force: Callable[..., None], project: Project, agent: Caller, ana: Caller
) -> None:
    in_force(deadline_seconds=600, on_timeout="approve")
    items = tuple(ItemDraft(action=f"pay {number}", arguments=REFUND) for number in range(3))
    approval = create_request(project=project, by=agent, draft=RequestDraft(items=items), now=NOON)
    decide(approval=approval, by=ana, ruling=Ruling(verdict=states.Verdict.REJECT, reason="no", item=1), now=NOON)
    assert sweep(NOON + 10 * MINUTE)[2] == 1
    approval.refresh_from_db()
    assert (approval.status, approval.decided_by_label) == ("mixed", "timeout")
    verdicts = FeedbackExample.objects.order_by("item__index").values_list("verdict", flat=True)
    assert list(verdicts) == ["approve", "reject", "approve"]


def test_what_may_not_be_approved_does_not_approve_itself(in_force: Callable[..., None], request_one: Make) -> None:
    in_force(deadline_seconds=600, on_timeout="approve")
    approval = request_one(timeout=None, allowed_decisions=("reject", "respond"))
    sweep(approval.expires_at)
    approval.refresh_from_db()
    assert approval.status == "expired"


def test_an_agent_cannot_ask_for_more_than_the_policy_allows(in_force: Callable[..., None], request_one: Make) -> None:
    with pytest.raises(NotAllowed), transaction.atomic():
        request_one(on_timeout="approve")
    in_force(on_timeout="approve")
    assert request_one(on_timeout="approve").at_expiry == "approve"
    assert request_one(on_timeout="reject").at_expiry == "reject"
    assert request_one().on_timeout == "approve"


@pytest.mark.django_db(transaction=True)
def test_two_workers_advance_each_request_exactly_once(in_force: Callable[..., None], request_one: Make) -> None:
    in_force(**CHAIN)
    for _number in range(40):
        request_one(timeout=None)
    counts: list[int] = []
    gate = threading.Barrier(2)

    def work() -> None:
        try:
            gate.wait(30)
            while batch := escalation.advance_due(now=NOON + HOUR, limit=7):
                counts.append(batch)
        finally:
            connections.close_all()

    connection.close()
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(counts) == 40
    assert ApprovalEvent.objects.filter(kind="escalated").count() == 40
