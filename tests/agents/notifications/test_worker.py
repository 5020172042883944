"""The worker's round: everything that is due, many endpoints at once."""

from datetime import timedelta

import pytest

from agents import tasks
from agents.models import Attempt, Delivery, Notification, User
from console.lib import outbound
from tests.agents.notifications.conftest import Happen, MakeChannel
from tests.receiving import Receiver, receiving


def test_an_endpoint_that_hangs_holds_up_nobody_else(
    receiver: Receiver, channel: MakeChannel, happen: Happen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "WHOLE_SECONDS", 1.5)
    with receiving() as hanging:
        hanging.drip = True
        channel("webhook", hanging.url(), name="hanging")
        channel("webhook", receiver.url(), name="quick")
        happen()
        happen()
        tasks.send_outbox()
    assert len(receiver.got) == 2
    slow = Attempt.objects.filter(delivery__channel__name="hanging").order_by("pk")[0]
    last = Attempt.objects.filter(delivery__channel__name="quick").latest("pk")
    assert last.at + timedelta(milliseconds=last.took_ms) < slow.at + timedelta(milliseconds=slow.took_ms)


def test_bells_are_rung_and_what_is_done_is_not_done_twice(channel: MakeChannel, happen: Happen, admin: User) -> None:
    channel("browser")
    happen()
    tasks.send_outbox()
    tasks.send_outbox()
    assert Delivery.objects.get().status == "delivered"
    assert Notification.objects.filter(user=admin, kind="approval.requested").count() == 1
