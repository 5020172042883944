"""Asking the agent before deciding."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from agents.authentication import Caller
from agents.models import Notification
from reviews import states
from reviews.models import Approval, Decision
from reviews.services import expiry
from reviews.services.decisions import NotAPerson, Ruling, decide
from reviews.services.information import post_message, request_info
from tests.reviews.conftest import NOON

SOON = NOON + timedelta(minutes=1)
Make = Callable[..., Approval]


def test_a_question_and_its_answer(request_one: Make, agent: Caller, ana: Caller, ben: Caller) -> None:
    approval = request_one()
    assert request_info(approval=approval, by=ana, text="Which customer?", now=SOON) is None
    assert request_info(approval=approval, by=ben, text="And since when?", now=SOON) is None
    post_message(approval=approval, by=ben, text="I wonder, too.", now=SOON)
    approval.refresh_from_db()
    assert approval.status == "info_requested"
    Notification.objects.all().delete()
    assert post_message(approval=approval, by=agent, text="The one of order A-17.", now=SOON) is None
    approval.refresh_from_db()
    assert approval.status == "pending"
    assert [event.kind for event in approval.events.all()] == [
        "requested",
        "info_requested",
        "info_requested",
        "message",
        "message",
    ]
    told = Notification.objects.get(kind="approval.info_provided")
    assert (told.user, told.body) == (ben.user, "The one of order A-17.")


def test_only_people_ask(request_one: Make, agent: Caller) -> None:
    with pytest.raises(NotAPerson):
        request_info(approval=request_one(), by=agent, text="?", now=SOON)


def test_one_may_decide_without_the_answer(request_one: Make, agent: Caller, ana: Caller) -> None:
    approval = request_one()
    request_info(approval=approval, by=ana, text="?", now=SOON)
    ruling = Ruling(verdict=states.Verdict.APPROVE)
    assert isinstance(decide(approval=approval, by=ana, ruling=ruling, now=SOON), Decision)
    lost = post_message(approval=approval, by=agent, text="late", now=SOON)
    assert lost is not None
    assert lost.decided_by == "Ana"


def test_the_clock_runs_on_while_one_asks(request_one: Make, ana: Caller) -> None:
    approval = request_one()
    request_info(approval=approval, by=ana, text="?", now=SOON)
    assert expiry.expire_due(now=approval.expires_at) == 1
    lost = request_info(approval=approval, by=ana, text="?", now=approval.expires_at)
    assert lost is not None
    assert lost.status is states.Status.EXPIRED
