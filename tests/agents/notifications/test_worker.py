"""The worker's round: everything that is due, many endpoints at once."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from agents import tasks
from agents.models import Attempt, AuditEvent, Delivery, Notification, OutboxEvent, User
from agents.services import outbox, routing
from agents.services.deliveries import replay
from console.lib import clock, outbound
from tests.agents.conftest import Browse
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


@pytest.mark.parametrize("url", ["http://ab--xn--d.com/", "http://1.2.3.999/", "not an address"])
def test_an_address_that_cannot_be_read_keeps_nobody_elses_news_waiting(
    url: str, receiver: Receiver, channel: MakeChannel, happen: Happen
) -> None:
    channel("webhook", receiver.url("/w"))
    happen(callback_url=url)
    happen()
    tasks.send_outbox()
    assert [path for path, _headers, _body in receiver.got] == ["/w", "/w"]
    failed = Attempt.objects.exclude(delivery__channel__name="webhook").get()
    assert (failed.succeeded, failed.detail.partition(":")[0]) == (False, "refused")


def test_an_event_that_cannot_be_routed_is_left_out_alone(
    receiver: Receiver,
    channel: MakeChannel,
    happen: Happen,
    monkeypatch: pytest.MonkeyPatch,
    admin: User,
    browse: Browse,
) -> None:
    told = channel("webhook", receiver.url("/w"))
    happen(type="approval.expired")
    happen(type="approval.requested")
    real = routing.ways_of

    def ways_of(event: OutboxEvent, *rest: Any) -> Any:
        if event.type == "approval.expired":
            raise LookupError("nobody thought of this")
        return real(event, *rest)

    monkeypatch.setattr(routing, "ways_of", ways_of)
    tasks.send_outbox()
    assert len(receiver.got) == 1
    assert not OutboxEvent.objects.filter(routed_at__isnull=True).exists()
    left_out = Delivery.objects.get(event__type="approval.expired")
    assert (left_out.status, left_out.error) == ("failed", "it could not be routed: LookupError")
    audited = AuditEvent.objects.get(action="event.unroutable")
    assert audited.target == f"event {left_out.event.uid}"
    page = browse(admin).get("/p/alpha/settings/channels/").content.decode()
    assert f'?channel={told.pk}&amp;status=failed">1 not delivered</a>' in page
    replay(deliveries=[left_out], by=admin, now=clock.now())
    tasks.send_outbox()
    assert len(receiver.got) == 2


def test_a_transport_that_breaks_is_a_failed_attempt_and_keeps_no_other_channel_waiting(
    receiver: Receiver, channel: MakeChannel, happen: Happen, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel("webhook", receiver.url("/breaks"), name="breaks")
    channel("webhook", receiver.url("/works"), name="works")
    happen()
    real = outbound.Client.post

    def post(self: outbound.Client, url: str, **rest: Any) -> outbound.Answer:
        if url.endswith("/breaks"):
            raise ZeroDivisionError
        return real(self, url, **rest)

    monkeypatch.setattr(outbound.Client, "post", post)
    for _run in range(2):
        tasks.send_outbox()
    assert [path for path, _headers, _body in receiver.got] == ["/works"]
    broken = Delivery.objects.select_related("endpoint").get(channel__name="breaks")
    assert (broken.status, broken.tries, broken.error) == ("pending", 1, "sending it failed: ZeroDivisionError")
    assert broken.endpoint.leased_until is None


def test_a_worker_is_asked_once_and_to_come_when_what_happens_meanwhile_is_there_as_well(
    happen: Happen,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[Any]],
) -> None:
    asked: list[tuple[str, float]] = []
    broker = SimpleNamespace(send_task=lambda name, **given: asked.append((name, given["countdown"])))
    monkeypatch.setattr("console.lib.queue.current_app", broker)
    monkeypatch.setattr(outbox, "_last_woken", float("-inf"))
    with django_capture_on_commit_callbacks(execute=True):
        happen()
        happen()
    assert asked == [("agents.tasks.send_outbox", outbox.WAKE_SECONDS)]
