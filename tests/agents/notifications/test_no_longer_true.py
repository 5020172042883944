"""What is no longer true when it would be sent is not sent to people; programs are told everything, in order."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail

from agents import tasks
from agents.models import Attempt, Delivery, Notification, Project, User
from agents.roles import Role
from agents.services import absences, deliveries, notify, routing
from agents.services.channels import RuleDraft
from console.lib import clock
from tests.agents.conftest import MakePerson
from tests.agents.notifications.conftest import Happen, MakeChannel
from tests.receiving import Receiver

MINUTE = timedelta(minutes=1)
DIGEST = [RuleDraft(digest_minutes=60)]


def send(at: datetime) -> None:
    while routing.route(now=at) or deliveries.send_due(now=at):
        pass


def states() -> list[tuple[str, str]]:
    rows = Delivery.objects.order_by("event_id", "pk").values_list("event__type", "status")
    return [(kind.removeprefix("approval."), status) for kind, status in rows]


def unread(user: User) -> list[str]:
    rows = Notification.objects.filter(user=user, read_at=None).order_by("pk")
    return [kind.removeprefix("approval.") for kind in rows.values_list("kind", flat=True)]


@pytest.mark.usefixtures("mails")
def test_a_reminder_is_not_mailed_once_nobody_can_decide_any_more(
    channel: MakeChannel, happen: Happen, now: datetime
) -> None:
    channel("email", "team@example.org")
    happen(type="approval.reminded", until=now + MINUTE)
    send(now + 74 * timedelta(seconds=1))
    assert (states(), mail.outbox) == ([("reminded", "dropped")], [])
    assert not Attempt.objects.exists()


@pytest.mark.usefixtures("mails")
def test_of_a_digest_only_what_is_still_true_is_mailed(channel: MakeChannel, happen: Happen, now: datetime) -> None:
    channel("email", "team@example.org", rules=DIGEST)
    happen()
    happen(type="approval.approved", title="Approved by Ana: refund", ends=True)
    happen(path="/p/alpha/queue/2/", title="Approval wanted: other")
    send(now)
    send(now + 61 * MINUTE)
    assert states() == [("requested", "dropped"), ("approved", "delivered"), ("requested", "delivered")]
    (letter,) = mail.outbox
    assert "Approved by Ana" in letter.body
    assert "wanted: other" in letter.body
    assert "wanted: refund" not in letter.body


def test_a_bell_is_not_filled_with_what_has_ended(
    channel: MakeChannel, happen: Happen, admin: User, now: datetime
) -> None:
    channel("browser", rules=DIGEST)
    happen()
    happen(type="approval.expired", ends=True)
    send(now)
    send(now + 61 * MINUTE)
    assert states() == [("requested", "dropped"), ("expired", "delivered")]
    assert unread(admin) == []
    assert Notification.objects.get().kind == "approval.expired"


def test_webhooks_are_told_everything_in_order(
    receiver: Receiver, channel: MakeChannel, happen: Happen, now: datetime
) -> None:
    channel("webhook", receiver.url("/w"))
    happen(until=now)
    happen(type="approval.reminded", until=now)
    happen(type="approval.expired", ends=True)
    send(now + MINUTE)
    assert {status for _kind, status in states()} == {"delivered"}
    assert len(receiver.got) == 3


def test_those_who_were_told_directly_are_not_told_again_by_the_channel(
    channel: MakeChannel, happen: Happen, admin: User, now: datetime
) -> None:
    channel("browser")
    happen(type="approval.reminded", rung=True)
    send(now)
    assert (states(), unread(admin)) == ([("reminded", "delivered")], [])


def test_the_browsers_channel_asks_whom_the_request_is_for_when_it_is_told(
    project: Project, channel: MakeChannel, happen: Happen, admin: User, person: MakePerson, now: datetime
) -> None:
    ana, ben, cyd = (person(name, Role.REVIEWER, project) for name in ("Ana", "Ben", "Cyd"))
    channel("browser", rules=DIGEST)
    happen(type="approval.info_provided", without=[ben.pk])
    happen(type="approval.voted", without=[admin.pk, ben.pk])
    absences.plan(user=cyd, delegate=None, starts_at=now, ends_at=now + timedelta(days=1), now=now)
    send(now)
    send(now + 61 * MINUTE)
    assert [unread(one) for one in (admin, ana, ben, cyd)] == [[], ["info_provided", "voted"], [], []]


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.usefixtures("mails")
def test_no_letter_comes_about_what_has_ended_meanwhile(
    project: Project, happen: Happen, admin: User, ended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued: list[dict[str, Any]] = []
    monkeypatch.setattr("console.lib.queue.enqueue", lambda _name, **given: queued.append(given))
    admin.notify_by_email = True
    url = f"/p/{project.slug}/queue/1/"
    notify.notify(users=[admin], project=project, kind="x", title="Wanted", body="", url=url, now=clock.now())
    if ended:
        happen(type="approval.expired", ends=True)
    letters = [given for given in queued if "user_id" in given]
    for given in letters:
        tasks.mail_notification(**given)
    assert (len(letters), len(mail.outbox)) == (1, 0 if ended else 1)
