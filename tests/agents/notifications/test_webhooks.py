"""Webhooks: signed in the form of Standard Webhooks, tried again over a day, stopped when nobody wants them."""

from datetime import datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from agents.models import Attempt, Channel, Delivery, Endpoint, Notification, OutboxEvent, Project, User
from agents.schedules import BREAKS_AFTER
from agents.services import channels, deliveries, routing
from agents.transports.webhook import new_secret
from tests.agents.conftest import audited
from tests.agents.notifications.conftest import Happen, MakeChannel
from tests.receiving import Receiver

HOUR = timedelta(hours=1)


def send(now: datetime) -> int:
    """One round of the worker."""
    routing.route(now=now)
    return deliveries.send_due(now=now)


def only() -> Delivery:
    return Delivery.objects.get()


def test_an_event_arrives_signed_and_the_library_verifies_it(
    receiver: Receiver, channel: MakeChannel, happen: Happen, now: datetime
) -> None:
    hook = channel("webhook", receiver.url("/hook"))
    happen(data={"id": "1", "note": "für Zoë"})
    assert send(now) == 1
    [(path, headers, body)] = receiver.got
    verified = Webhook(hook.secret).verify(body, headers)
    assert path == "/hook"
    assert headers["content-type"] == "application/json"
    assert verified["type"] == "approval.requested"
    assert verified["data"] == {"id": "1", "note": "für Zoë"}
    assert datetime.fromisoformat(verified["timestamp"]) == OutboxEvent.objects.get().at
    assert headers["webhook-id"] == f"msg_{OutboxEvent.objects.get().uid.hex}"
    with pytest.raises(WebhookVerificationError):
        Webhook(hook.secret).verify(body.replace(b"1", b"2"), headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, headers)


def test_the_delivery_is_a_row_with_its_attempt(
    receiver: Receiver, channel: MakeChannel, happen: Happen, now: datetime
) -> None:
    channel("webhook", receiver.url())
    happen()
    send(now)
    [attempt] = Attempt.objects.filter(delivery=only())
    assert (only().status, only().tries, only().error) == ("delivered", 1, "")
    assert (attempt.succeeded, attempt.code, attempt.detail) == (True, 204, "")
    assert send(now + HOUR) == 0
    assert len(receiver.got) == 1


def test_after_a_rotation_both_secrets_verify_for_a_day(
    receiver: Receiver, channel: MakeChannel, happen: Happen, admin: User, now: datetime
) -> None:
    hook = channel("webhook", receiver.url())
    old = hook.secret
    rotated = channels.rotate_secret(channel=hook, by=admin, now=now)
    happen()
    send(now)
    _path, headers, body = receiver.got[0]
    assert rotated.secret != old
    for secret in (old, rotated.secret):
        Webhook(secret).verify(body, headers)
    later = now + channels.OLD_SECRET_SIGNS
    happen(now=later)
    send(later)
    assert len(receiver.got[1][1]["webhook-signature"].split()) == 1


def test_a_failure_is_tried_again_under_the_same_id_over_a_day_and_then_given_up(
    receiver: Receiver, channel: MakeChannel, happen: Happen, now: datetime
) -> None:
    channel("webhook", receiver.url("/down"))
    receiver.answers["/down"] = (503, {})
    happen()
    moment, tries = now, 0
    while only_or_none() is None or only().status == "pending":
        tries += send(moment)
        wake = Endpoint.objects.get().wake_at
        moment = wake if wake is not None else moment
        assert moment < now + timedelta(days=3)
    assert only().status == "failed"
    assert only().error == "answered 503"
    assert tries == len(receiver.got) >= 8
    assert timedelta(hours=12) < receiver_span(receiver) <= timedelta(days=1, minutes=1)
    assert len({headers["webhook-id"] for _path, headers, _body in receiver.got}) == 1
    assert Attempt.objects.filter(delivery=only(), succeeded=False, code=503).count() == tries


def only_or_none() -> Delivery | None:
    return Delivery.objects.first()


def receiver_span(receiver: Receiver) -> timedelta:
    stamps = [int(headers["webhook-timestamp"]) for _path, headers, _body in receiver.got]
    return timedelta(seconds=stamps[-1] - stamps[0])


def test_the_other_side_may_ask_to_be_left_alone_for_a_while(
    receiver: Receiver, channel: MakeChannel, happen: Happen, now: datetime
) -> None:
    channel("webhook", receiver.url("/busy"))
    receiver.answers["/busy"] = (429, {"retry-after": "900"})
    happen()
    send(now)
    assert only().due_at - now >= timedelta(seconds=900)


def test_410_switches_the_webhook_off_and_tells_those_who_can_mend_it(
    receiver: Receiver, channel: MakeChannel, happen: Happen, project: Project, admin: User, now: datetime
) -> None:
    hook = channel("webhook", receiver.url("/gone"))
    receiver.answers["/gone"] = (410, {})
    happen()
    happen()
    assert send(now) == 1
    hook.refresh_from_db()
    assert (hook.enabled, hook.stopped) == (False, deliveries.GONE)
    assert set(Delivery.objects.values_list("status", flat=True)) == {"failed"}
    assert Notification.objects.get(kind="channel.stopped").user == admin
    assert audited(project)[-1] == "channel.stop"
    happen()
    assert send(now + HOUR) == 0
    assert Delivery.objects.count() == 2


def test_the_circuit_opens_after_failures_in_a_row_and_lets_one_through_to_see(
    receiver: Receiver, channel: MakeChannel, happen: Happen, now: datetime
) -> None:
    channel("webhook", receiver.url("/down"))
    receiver.answers["/down"] = (500, {})
    for _number in range(20):
        happen()
    assert send(now) == BREAKS_AFTER
    endpoint = Endpoint.objects.get()
    assert endpoint.open_until is not None
    assert endpoint.open_until > now
    happen()
    assert send(endpoint.open_until - timedelta(seconds=1)) == 0
    assert send(endpoint.open_until) == 1
    reopened = Endpoint.objects.get().open_until
    assert reopened is not None
    assert reopened - endpoint.open_until > endpoint.open_until - now
    del receiver.answers["/down"]
    assert send(reopened) >= 15
    assert Endpoint.objects.get().failures == 0
    send(reopened + HOUR)
    assert set(Delivery.objects.values_list("status", flat=True)) == {"delivered"}


def test_one_endpoint_that_fails_does_not_hold_up_another(
    receiver: Receiver, channel: MakeChannel, happen: Happen, now: datetime
) -> None:
    channel("webhook", receiver.url("/down"), name="down")
    channel("webhook", receiver.url("/up"), name="up")
    receiver.answers["/down"] = (500, {})
    for _number in range(8):
        happen()
    send(now)
    assert [path for path, _headers, _body in receiver.got].count("/up") == 8


def test_a_private_address_is_never_reached(
    receiver: Receiver, channel: MakeChannel, happen: Happen, now: datetime, settings: object
) -> None:
    channel("webhook", receiver.url())
    settings.OUTBOUND_ALLOWED_NETWORKS = ()  # type: ignore[attr-defined]
    happen()
    assert send(now) == 1
    assert receiver.connections == 0
    assert only().error == "refused: 127.0.0.1 is a private or reserved address"


def test_a_private_address_cannot_be_entered(channel: MakeChannel, project: Project) -> None:
    with pytest.raises(ValidationError) as caught:
        channel("webhook", "http://169.254.169.254/latest/meta-data")
    assert "private or reserved" in caught.value.message_dict["target"][0]
    assert not Channel.objects.exists()


def test_a_worker_that_dies_leaves_a_lease_that_runs_out_and_the_message_is_sent_again(
    receiver: Receiver, channel: MakeChannel, happen: Happen, now: datetime
) -> None:
    channel("webhook", receiver.url())
    happen()
    routing.route(now=now)
    [lease] = deliveries.lease_due(now=now, limit=5)
    deliveries.attempt(lease, now=now)  # and then it is killed
    assert deliveries.send_due(now=now + timedelta(seconds=30)) == 0
    assert deliveries.send_due(now=now + deliveries.LEASE) == 1
    ids = [headers["webhook-id"] for _path, headers, _body in receiver.got]
    assert len(ids) == 2
    assert len(set(ids)) == 1
    assert only().status == "delivered"


def test_a_replay_sends_the_same_message_again_and_keeps_all_attempts(
    receiver: Receiver, channel: MakeChannel, happen: Happen, project: Project, admin: User, now: datetime
) -> None:
    channel("webhook", receiver.url())
    happen()
    send(now)
    delivery = Delivery.objects.select_related("channel", "project").get()
    assert deliveries.replay(deliveries=[delivery], by=admin, now=now) == 1
    assert only().status == "pending"
    assert deliveries.replay(deliveries=[delivery], by=admin, now=now) == 0
    assert send(now) == 1
    assert len({headers["webhook-id"] for _path, headers, _body in receiver.got}) == 1
    assert only().status == "delivered"
    assert Attempt.objects.filter(delivery=delivery).count() == 2
    assert "delivery.replay" in audited(project)


def test_nothing_is_replayed_through_a_channel_that_is_off(
    receiver: Receiver, channel: MakeChannel, happen: Happen, admin: User, now: datetime
) -> None:
    hook = channel("webhook", receiver.url())
    happen()
    send(now)
    channels.switch(channel=hook, enabled=False, by=admin, now=now)
    delivery = Delivery.objects.select_related("channel", "project").get()
    with pytest.raises(ValidationError):
        deliveries.replay(deliveries=[delivery], by=admin, now=now)


def test_callbacks_go_where_the_agent_said_signed_with_the_projects_own_secret(
    receiver: Receiver, happen: Happen, project: Project, now: datetime
) -> None:
    happen(type="approval.approved", callback_url=receiver.url("/resume"))
    assert send(now) == 1
    [(path, headers, body)] = receiver.got
    secret = routing.callback_channel(project_id=project.pk, now=now).secret
    assert path == "/resume"
    assert Webhook(secret).verify(body, headers)["type"] == "approval.approved"


def test_callbacks_to_one_host_that_fails_do_not_hold_up_those_to_another(
    receiver: Receiver, happen: Happen, now: datetime
) -> None:
    other = f"http://127.0.0.1.nip.invalid:{receiver.port}/x"
    for _number in range(7):
        happen(callback_url=other)
    happen(callback_url=receiver.url("/ok"))
    send(now)
    assert [path for path, _headers, _body in receiver.got] == ["/ok"]
    assert Endpoint.objects.filter(failures=BREAKS_AFTER).count() == 1


def test_a_callback_that_is_gone_fails_alone(receiver: Receiver, happen: Happen, now: datetime) -> None:
    receiver.answers["/gone"] = (410, {})
    happen(callback_url=receiver.url("/gone"))
    happen(callback_url=receiver.url("/ok"))
    send(now)
    send(now)
    assert sorted(Delivery.objects.values_list("status", flat=True)) == ["delivered", "failed"]
    assert Channel.objects.get().enabled


def test_what_waited_while_no_worker_ran_is_still_sent(
    receiver: Receiver, channel: MakeChannel, happen: Happen, now: datetime
) -> None:
    channel("webhook", receiver.url())
    happen()
    routing.route(now=now)
    assert deliveries.send_due(now=now + timedelta(days=3)) == 1
    assert only().status == "delivered"
