"""Deadlines: each once, whoever notices."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction

from agents.authentication import Caller
from agents.models import AuditEvent
from reviews import states
from reviews.models import Approval, ApprovalEvent, FeedbackExample
from reviews.services import expiry
from reviews.services.decisions import Ruling, decide
from reviews.tasks import expire_due
from tests.reviews.conftest import NOON

Make = Callable[..., Approval]
DUE = NOON + timedelta(minutes=5)


def test_only_what_is_due_expires(request_one: Make) -> None:
    due, open_ = request_one(), request_one(timeout=timedelta(hours=1))
    assert expiry.expire_due(now=DUE - timedelta(microseconds=1)) == 0
    assert expiry.expire_due(now=DUE) == 1
    assert expiry.expire_due(now=DUE) == 0
    due.refresh_from_db()
    open_.refresh_from_db()
    assert (due.status, due.verdict, due.closed_at, open_.status) == ("expired", "", DUE, "pending")
    assert [(event.kind, event.actor_label) for event in due.events.all()][-1] == ("expired", "deadline")
    assert FeedbackExample.objects.get().verdict == "expired"
    assert AuditEvent.objects.get(action="approval.expired").actor_label == "Handrail"


def test_the_task_takes_everything_that_is_due(request_one: Make) -> None:
    for _number in range(3):
        request_one()
    assert expire_due() == 3
    assert expire_due() == 0


@pytest.mark.django_db(transaction=True)
def test_two_workers_expire_each_request_exactly_once(request_one: Make) -> None:
    for _number in range(60):
        request_one()
    counts: list[int] = []
    gate = threading.Barrier(2)

    def work() -> None:
        try:
            gate.wait(30)
            while batch := expiry.expire_due(now=DUE, limit=7):
                counts.append(batch)
        finally:
            connections.close_all()

    connection.close()
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(counts) == 60
    assert Approval.objects.filter(status="expired").count() == 60
    assert ApprovalEvent.objects.filter(kind="expired").count() == FeedbackExample.objects.count() == 60


@pytest.mark.django_db(transaction=True)
def test_what_a_killed_worker_left_undone_is_done_by_the_next(request_one: Make) -> None:
    request_one()
    with transaction.atomic():
        assert expiry.expire_due(now=DUE) == 1
        transaction.set_rollback(True)  # Killed before the commit.
    assert not ApprovalEvent.objects.filter(kind="expired").exists()
    assert expiry.expire_due(now=DUE) == 1


def test_a_decided_request_does_not_expire(request_one: Make, ana: Caller) -> None:
    approval = request_one()
    decide(approval=approval, by=ana, ruling=Ruling(verdict=states.Verdict.APPROVE), now=NOON)
    assert not expiry.expire(approval=approval, now=DUE)
    assert expiry.expire_due(now=DUE) == 0
