"""The pages of channels and deliveries: made, tested, switched, replayed; other projects' are not there."""

from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from agents.models import Channel, ChannelRule, Delivery, Project, Team, User
from agents.roles import Role
from agents.services import deliveries, routing
from tests.agents.conftest import Browse, MakePerson
from tests.agents.notifications.conftest import Happen, MakeChannel
from tests.receiving import Receiver

SETTINGS = "/p/alpha/settings"


@pytest.fixture
def page(browse: Browse, admin: User) -> Client:
    return browse(admin)


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_a_webhook_is_made_tested_and_its_delivery_shown_with_the_attempt(
    page: Client, receiver: Receiver, now: datetime
) -> None:
    assert "No channels yet" in text(page.get(f"{SETTINGS}/channels/"))
    answer = page.post(f"{SETTINGS}/channels/new/webhook/", {"name": "Ops", "target": receiver.url("/hook")})
    hook = Channel.objects.get()
    assert answer["location"] == f"{SETTINGS}/channels/{hook.pk}/"
    shown = text(page.get(answer["location"]))
    assert hook.secret in shown
    assert "Every event" in shown
    assert receiver.url("/hook") not in shown
    answer = page.post(f"{SETTINGS}/channels/{hook.pk}/test/")
    assert "Not tried yet" in text(page.get(answer["location"]))
    delivery = Delivery.objects.get()
    part = page.get(answer["location"], headers={"HX-Request": "true"})
    assert "Not tried yet" in text(part)
    assert "<html" not in text(part)
    deliveries.send_due(now=delivery.due_at)
    assert "Delivered 204" in text(page.get(answer["location"]))
    assert receiver.got[0][1]["webhook-id"] in text(page.get(answer["location"]))
    assert "channel.test" in text(page.get(f"{SETTINGS}/deliveries/?channel={hook.pk}&status=delivered"))
    assert "Nothing here" in text(page.get(f"{SETTINGS}/deliveries/?status=failed"))


def test_a_target_that_cannot_be_used_is_said_at_its_field(page: Client) -> None:
    answer = page.post(f"{SETTINGS}/channels/new/webhook/", {"name": "x", "target": "http://10.0.0.1/"})
    assert answer.status_code == 422
    assert "10.0.0.1 is a private or reserved address" in text(answer)
    assert not Channel.objects.exists()


def test_letters_are_offered_only_where_there_is_a_mail_server(page: Client) -> None:
    assert page.get(f"{SETTINGS}/channels/new/email/").status_code == 404
    assert page.get(f"{SETTINGS}/channels/new/callback/").status_code == 404
    assert "EMAIL_HOST is not set" in text(page.get(f"{SETTINGS}/channels/"))


def test_rules_are_made_changed_and_removed(
    page: Client, channel: MakeChannel, mails: None, project: Project, now: datetime
) -> None:
    team = Team.objects.create(project=project, slug="money", name="Money", created_at=now)
    row = channel("email", "ops@example.org")
    rule = row.rules.get()
    fields = {
        "events": ["approval.expired"],
        "min_risk": "high",
        "team": team.pk,
        "digest_minutes": "60",
        "quiet_from": "22:00",
        "quiet_until": "07:00",
        "time_zone": "Europe/Berlin",
    }
    page.post(f"{SETTINGS}/channels/{row.pk}/rules/{rule.pk}/", fields)
    shown = text(page.get(f"{SETTINGS}/channels/{row.pk}/"))
    for words in ("Nobody decided in time", "risk High or more", "team Money", "every hour", "22:00 – 07:00"):
        assert words in shown
    answer = page.post(f"{SETTINGS}/channels/{row.pk}/rules/new/", fields | {"quiet_until": ""})
    assert answer.status_code == 422
    assert "Quiet hours need a beginning and another end" in text(answer)
    page.post(f"{SETTINGS}/channels/{row.pk}/rules/{rule.pk}/remove/")
    assert not ChannelRule.objects.exists()


def test_a_failed_delivery_says_why_and_is_sent_again_from_its_page(
    page: Client, receiver: Receiver, channel: MakeChannel, happen: Happen, now: datetime
) -> None:
    row = channel("webhook", receiver.url("/gone"))
    receiver.answers["/gone"] = (410, {})
    happen()
    routing.route(now=now)
    deliveries.send_due(now=now)
    delivery = Delivery.objects.get()
    assert "Handrail has switched this channel off" in text(page.get(f"{SETTINGS}/channels/{row.pk}/"))
    assert "answered 410" in text(page.get(f"{SETTINGS}/deliveries/{delivery.pk}/"))
    page.post(f"{SETTINGS}/deliveries/{delivery.pk}/replay/")
    assert Delivery.objects.get().status == "failed"
    page.post(f"{SETTINGS}/channels/{row.pk}/switch/", {"enabled": "1"})
    del receiver.answers["/gone"]
    page.post(f"{SETTINGS}/deliveries/{delivery.pk}/replay/")
    deliveries.send_due(now=Delivery.objects.get().due_at)
    assert Delivery.objects.get().status == "delivered"
    assert delivery.attempts.count() == 2


def test_all_failed_deliveries_of_a_channel_are_sent_again_at_once(
    page: Client, receiver: Receiver, channel: MakeChannel, happen: Happen, now: datetime
) -> None:
    row = channel("webhook", receiver.url())
    for _number in range(3):
        happen()
    routing.route(now=now)
    Delivery.objects.update(status="failed", finished_at=now)
    page.post(f"{SETTINGS}/deliveries/replay/", {"channel": row.pk})
    assert deliveries.send_due(now=Delivery.objects.latest("pk").due_at) == 3


def test_a_channel_of_another_project_is_not_there(
    receiver: Receiver,
    channel: MakeChannel,
    happen: Happen,
    browse: Browse,
    person: MakePerson,
    other_project: Project,
    now: datetime,
) -> None:
    row = channel("webhook", receiver.url())
    happen()
    routing.route(now=now)
    delivery = Delivery.objects.get()
    stranger = browse(person("Bo", Role.ADMIN, other_project))
    theirs = "/p/beta/settings"
    assert stranger.get(f"{theirs}/channels/{row.pk}/").status_code == 404
    for verb in ("switch", "test", "secret", "remove"):
        assert stranger.post(f"{theirs}/channels/{row.pk}/{verb}/").status_code == 404
    assert stranger.get(f"{theirs}/deliveries/{delivery.pk}/").status_code == 404
    assert stranger.post(f"{theirs}/deliveries/{delivery.pk}/replay/").status_code == 404
    assert "approval.requested" not in text(stranger.get(f"{theirs}/deliveries/?channel={row.pk}"))
    row.refresh_from_db()
    assert row.enabled
    assert row.removed_at is None


def test_the_list_of_deliveries_pages_by_key_in_a_number_of_queries_that_stays(
    page: Client,
    receiver: Receiver,
    channel: MakeChannel,
    happen: Happen,
    now: datetime,
    django_assert_max_num_queries: Any,
) -> None:
    channel("webhook", receiver.url())
    for number in range(60):
        happen(title=f"Event {number:02}")
    routing.route(now=now)
    page.get(f"{SETTINGS}/deliveries/")
    with django_assert_max_num_queries(16):
        first = text(page.get(f"{SETTINGS}/deliveries/"))
    assert "Event 59" in first
    assert "Event 09" not in first
    older = first.partition("?cursor=")[2].partition('"')[0]
    assert "Event 09" in text(page.get(f"{SETTINGS}/deliveries/?cursor={older}"))
