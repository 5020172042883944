"""Thinking again: a decision of which the agent has not been told yet."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from agents.authentication import Caller
from agents.models import OutboxEvent, Project
from agents.tasks import mail_notification
from reviews import states
from reviews.addresses import page_of
from reviews.api.reading import read_many
from reviews.models import Approval, Decision, FeedbackExample
from reviews.services import expiry
from reviews.services.decisions import Ruling, decide, withdraw
from reviews.services.requests import cancel_request
from reviews.services.settling import settle_due
from reviews.services.transitions import AlreadyDecided
from reviews.tasks import settle_due as settle_task
from tests.reviews.conftest import NOON

APPROVE = Ruling(verdict=states.Verdict.APPROVE)
SOON = NOON + timedelta(minutes=1)
OVER = SOON + timedelta(seconds=10)
Make = Callable[..., Approval]


@pytest.fixture
def decided(project: Project, request_one: Make, ana: Caller) -> Approval:
    """A request that Ana has approved, in a project that gives ten seconds to think again."""
    project.undo_seconds = 10
    project.save()
    approval = request_one()
    assert isinstance(decide(approval=approval, by=ana, ruling=APPROVE, now=SOON), Decision)
    return approval


def test_until_the_time_is_over_the_agent_sees_a_request_that_waits(decided: Approval, agent: Caller) -> None:
    (before,) = read_many([(agent, str(decided.pk))], now=OVER - timedelta(microseconds=1))
    told = json.loads(before.document)
    assert (told["status"], told["decision"], before.open_until) == ("pending", None, OVER)
    assert told["items"][0]["status"] == "pending"
    assert not FeedbackExample.objects.exists()
    (after,) = read_many([(agent, str(decided.pk))], now=OVER)
    told = json.loads(after.document)
    assert (told["status"], told["decision"]["decided_by"]) == ("approved", "Ana")


def test_others_are_told_who_decided_and_the_queue_does_not_offer_it(
    decided: Approval, project: Project, ben: Caller
) -> None:
    lost = decide(approval=decided, by=ben, ruling=APPROVE, now=SOON)
    assert lost == AlreadyDecided(states.Status.APPROVED, "Ana", "approve", SOON)
    assert not Approval.objects.of_project(project).waiting().exists()


def test_who_thinks_again_opens_the_request_for_everybody(decided: Approval, ana: Caller, ben: Caller) -> None:
    assert not withdraw(approval=decided, by=ben, now=SOON)
    assert withdraw(approval=decided, by=ana, now=OVER - timedelta(seconds=1))
    assert (decided.is_open, settle_due(now=OVER)) == (True, 0)
    decide(approval=decided, by=ben, ruling=Ruling(verdict=states.Verdict.REJECT, reason="no"), now=OVER)
    assert settle_due(now=OVER + timedelta(seconds=10)) == 1
    decided.refresh_from_db()
    assert (decided.status, decided.decided_by_label, decided.closed_at) == ("rejected", "Ben", OVER)
    assert FeedbackExample.objects.get().verdict == "reject"


def test_nobody_is_asked_by_mail_for_what_is_decided_meanwhile_nor_is_anybody_told_of_it(
    decided: Approval, ana: Caller, mailoutbox: list[Any], settings: Any
) -> None:
    settings.EMAIL_HOST = "mail.example.org"
    page = page_of(decided.project.slug, decided.pk)
    letter: dict[str, Any] = {
        "user_id": getattr(ana.user, "pk", 0),
        "title": "Approval wanted",
        "body": "",
        "url": page,
    }
    mail_notification(**letter)
    assert mailoutbox == []
    assert list(OutboxEvent.objects.filter(routed_at__isnull=True).values_list("type", flat=True)) == [
        "approval.requested"
    ]
    assert withdraw(approval=decided, by=ana, now=OVER - timedelta(seconds=1))
    mail_notification(**letter)
    assert len(mailoutbox) == 1
    decide(approval=decided, by=ana, ruling=APPROVE, now=OVER)
    assert settle_due(now=OVER + timedelta(seconds=10)) == 1
    mail_notification(**letter)
    assert len(mailoutbox) == 1


def test_afterwards_it_is_too_late(decided: Approval, ana: Caller) -> None:
    assert not withdraw(approval=decided, by=ana, now=OVER)
    assert settle_due(now=OVER) == 1
    assert settle_due(now=OVER) == 0
    assert not withdraw(approval=decided, by=ana, now=OVER)
    assert [event.kind for event in decided.events.all()] == ["requested", "voted", "decided"]


def test_the_task_closes_what_is_due(decided: Approval) -> None:
    assert settle_task() == 1
    decided.refresh_from_db()
    assert (decided.status, decided.closed_at) == ("approved", SOON)


def test_a_deadline_in_between_does_not_undo_the_decision(project: Project, request_one: Make, ana: Caller) -> None:
    project.undo_seconds = 60
    project.save()
    approval = request_one(timeout=timedelta(seconds=90))
    deadline = NOON + timedelta(seconds=90)
    decide(approval=approval, by=ana, ruling=APPROVE, now=SOON)
    assert approval.settles_at == deadline
    assert expiry.expire_due(now=deadline) == 0
    assert settle_due(now=deadline) == 1
    approval.refresh_from_db()
    assert approval.status == "approved"


def test_the_agent_may_take_back_what_it_does_not_know_to_be_decided(decided: Approval, agent: Caller) -> None:
    assert cancel_request(approval=decided, by=agent, now=SOON) is None
    assert (decided.status, settle_due(now=OVER)) == ("cancelled", 0)


def test_what_counts_by_now_cannot_be_taken_back_by_the_agent(decided: Approval, agent: Caller) -> None:
    lost = cancel_request(approval=decided, by=agent, now=OVER)
    assert lost is not None
    assert lost.status is states.Status.APPROVED


def test_the_setting_of_later_does_not_change_requests_of_before(
    project: Project, request_one: Make, ana: Caller
) -> None:
    approval = request_one()
    project.undo_seconds = 30
    project.save()
    decide(approval=approval, by=ana, ruling=APPROVE, now=SOON)
    assert approval.status == "approved"


def test_a_withdrawn_verdict_stays_withdrawn(decided: Approval, ana: Caller) -> None:
    withdraw(approval=decided, by=ana, now=SOON)
    for spoil in ({"withdrawn_at": None}, {"reason": "other"}, {"withdrawn_at": OVER}):
        with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
            Decision.objects.update(**spoil)
