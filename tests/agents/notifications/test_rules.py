"""Rules say which news go through a channel, and when; each goes through a channel once."""

from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import AuditEvent, Channel, ChannelRule, Delivery, Notification, OutboxEvent, Project, Team, User
from agents.models.team import TeamMember
from agents.roles import Role
from agents.services import channels, deliveries, outbox, routing
from agents.services.channels import RuleDraft
from tests.agents.conftest import MakePerson, audited
from tests.agents.notifications.conftest import Happen, MakeChannel
from tests.receiving import Receiver


def rule_of(channel: Channel, by: User, now: datetime, **fields: Any) -> ChannelRule:
    """The channel's only rule, saying what it is told to say."""
    rule = ChannelRule.objects.select_related("channel__project").get(channel=channel)
    channels.change_rule(rule=rule, draft=RuleDraft(**fields), by=by, now=now)
    rule.refresh_from_db()
    return rule


def send(now: datetime) -> int:
    routing.route(now=now)
    return deliveries.send_due(now=now)


def test_a_channel_for_people_begins_with_what_needs_somebody_and_a_webhook_with_everything(
    mails: None, channel: MakeChannel, receiver: Receiver
) -> None:
    assert channel("email", "ops@example.org").rules.get().events == list(channels.WANTED)
    assert channel("webhook", receiver.url()).rules.get().events == []


@pytest.mark.parametrize(
    ("rule", "event", "expected"),
    [
        ({"events": ["approval.expired"]}, {"type": "approval.expired"}, 1),
        ({"events": ["approval.expired"]}, {"type": "approval.requested"}, 0),
        ({}, {"type": "approval.outcome"}, 1),
        ({"min_risk": "high"}, {"risk": "medium"}, 0),
        ({"min_risk": "high"}, {"risk": "high"}, 1),
        ({"min_risk": "high"}, {"risk": "critical"}, 1),
    ],
)
def test_events_and_risk_choose(
    mails: None,
    channel: MakeChannel,
    happen: Happen,
    admin: User,
    now: datetime,
    rule: dict[str, Any],
    event: dict[str, Any],
    expected: int,
) -> None:
    rule_of(channel("email", "ops@example.org"), admin, now, **rule)
    happen(**event)
    assert send(now) == expected
    assert len(mail.outbox) == expected


def test_the_team_chooses(
    mails: None, channel: MakeChannel, happen: Happen, admin: User, project: Project, now: datetime
) -> None:
    money, other = (
        Team.objects.create(project=project, slug=slug, name=slug, created_at=now) for slug in ("money", "other")
    )
    rule_of(channel("email", "ops@example.org"), admin, now, team=money)
    happen(team_id=other.pk)
    happen(team_id=None)
    happen(team_id=money.pk, title="For money")
    send(now)
    assert [letter.subject for letter in mail.outbox] == ["[Handrail] For money"]


def test_other_projects_hear_nothing(
    mails: None, channel: MakeChannel, happen: Happen, other_project: Project, now: datetime
) -> None:
    channel("email", "ops@example.org")
    happen(project_id=other_project.pk)
    assert send(now) == 0


def test_an_event_that_two_rules_match_goes_through_once_by_the_sooner_one(
    mails: None, channel: MakeChannel, happen: Happen, admin: User, now: datetime
) -> None:
    row = channel("email", "ops@example.org")
    rule_of(row, admin, now, digest_minutes=60)
    channels.add_rule(channel=row, draft=RuleDraft(min_risk="high"), by=admin, now=now)
    happen(risk="high")
    assert send(now) == 1
    assert Delivery.objects.count() == 1


def test_quiet_hours_gather_what_comes_and_tell_it_in_one_letter_when_they_are_over(
    mails: None, channel: MakeChannel, happen: Happen, admin: User
) -> None:
    night = datetime.fromisoformat("2026-03-02T23:30:00+00:00")
    morning = datetime.fromisoformat("2026-03-03T07:00:00+00:00")
    rule_of(channel("email", "ops@example.org"), admin, night, quiet_from=time(22), quiet_until=time(7))
    for number in range(3):
        happen(now=night, title=f"Wanted {number}", path=f"/p/alpha/queue/{number}/")
    assert send(night) == 0
    assert send(morning - timedelta(seconds=1)) == 0
    assert send(morning) == 1
    [letter] = mail.outbox
    assert letter.subject == "[Handrail] 3 messages"
    assert all(f"Wanted {number}" in str(letter.body) for number in range(3))
    assert set(Delivery.objects.values_list("status", "tries")) == {("delivered", 1)}


def test_what_is_critical_wakes_people(mails: None, channel: MakeChannel, happen: Happen, admin: User) -> None:
    night = datetime.fromisoformat("2026-03-02T23:30:00+00:00")
    rule_of(
        channel("email", "ops@example.org"), admin, night, quiet_from=time(22), quiet_until=time(7), digest_minutes=60
    )
    happen(now=night, risk="critical")
    assert send(night) == 1


def test_programs_are_told_at_once_whatever_the_rule_says(
    receiver: Receiver, channel: MakeChannel, happen: Happen, admin: User, now: datetime
) -> None:
    rule = rule_of(
        channel("webhook", receiver.url()), admin, now, quiet_from=time(0), quiet_until=time(23, 59), digest_minutes=60
    )
    assert (rule.quiet_from, rule.digest_minutes) == (None, 0)
    happen()
    assert send(now) == 1


def test_a_letter_holds_links_to_the_request_and_to_the_questions(
    mails: None, channel: MakeChannel, happen: Happen, now: datetime, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://rail.example.org"
    channel("email", "ops@example.org, lead@example.org")
    happen(actions=(("Approve", "/p/alpha/queue/1/decide/approve/"),))
    send(now)
    [letter] = mail.outbox
    assert letter.to == ["ops@example.org", "lead@example.org"]
    assert "Open: https://rail.example.org/p/alpha/queue/1/" in str(letter.body)
    assert "Approve: https://rail.example.org/p/alpha/queue/1/decide/approve/" in str(letter.body)


def test_a_browser_channel_fills_the_bells_of_those_who_can_act_once(
    channel: MakeChannel, happen: Happen, project: Project, admin: User, person: MakePerson, now: datetime
) -> None:
    lena, vic = person("Lena", Role.REVIEWER, project), person("Vic", Role.VIEWER, project)
    team = Team.objects.create(project=project, slug="money", name="Money", created_at=now)
    TeamMember.objects.create(team=team, membership=lena.memberships.get())
    rule_of(channel("browser"), admin, now)
    happen(type="approval.expired", title="Nobody decided", team_id=team.pk)
    happen(type="approval.expired", title="Nobody decided", team_id=team.pk)
    happen(type="approval.expired", title="Everybody", path="/p/alpha/queue/2/")
    send(now)
    lines = Notification.objects.filter(kind="approval.expired")
    assert list(lines.filter(user=lena).order_by("pk").values_list("title", flat=True)) == [
        "Nobody decided",
        "Everybody",
    ]
    assert [line.title for line in lines.filter(user=admin)] == ["Everybody"]
    assert not lines.filter(user=vic).exists()


def test_what_a_channel_that_is_off_would_have_told_is_not_told_later(
    mails: None, channel: MakeChannel, happen: Happen, admin: User, now: datetime
) -> None:
    row = channel("email", "ops@example.org")
    channels.switch(channel=row, enabled=False, by=admin, now=now)
    happen()
    assert send(now) == 0
    channels.switch(channel=row, enabled=True, by=admin, now=now)
    assert send(now) == 0
    assert Delivery.objects.count() == 0


def test_secrets_and_targets_are_sealed_in_the_database_and_absent_from_the_audit_log(
    channel: MakeChannel, receiver: Receiver, admin: User, project: Project, now: datetime
) -> None:
    hook = channel("webhook", receiver.url("/secret-path"))
    slack = channel("apprise", "json://user:hunter2@example.org/token")
    channels.rotate_secret(channel=hook, by=admin, now=now)
    with connection.cursor() as cursor:
        cursor.execute("SELECT target, secret, old_secret FROM agents_channel")
        stored = b"".join(bytes(value) for row in cursor.fetchall() for value in row)
    told = str(list(AuditEvent.objects.values_list("target", "detail")))
    for word in ("secret-path", "hunter2", "whsec_"):
        assert word.encode() not in stored
        assert word not in told
    assert Channel.objects.get(pk=slack.pk).target == "json://user:hunter2@example.org/token"
    assert audited(project) == ["channel.create", "channel.create", "channel.rotate_secret"]


@pytest.mark.parametrize(
    "url",
    ["nonsense", "dbus://", "syslog://localhost", " Syslog://", "syslog:// ", "windows://", "unknown://x/y", "http://"],
)
def test_what_apprise_does_not_know_or_what_would_stay_on_this_machine_is_refused(
    channel: MakeChannel, url: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        channel("apprise", url)
    assert "target" in caught.value.message_dict


def test_an_apprise_url_arrives_at_its_service(
    receiver: Receiver, channel: MakeChannel, happen: Happen, now: datetime
) -> None:
    channel("apprise", f"json://127.0.0.1:{receiver.port}/in")
    happen(title="Approval wanted: refund", body="A large refund")
    assert send(now) == 1
    assert Delivery.objects.get().error == ""
    [(path, _headers, body)] = receiver.got
    assert path == "/in"
    assert b"Approval wanted: refund" in body
    assert b"/p/alpha/queue/1/" in body


@pytest.mark.parametrize("more", ["json://127.0.0.1:{port}/second", "syslog://"])
def test_an_apprise_url_is_one_service_whatever_else_is_written_behind_it(
    receiver: Receiver, channel: MakeChannel, happen: Happen, now: datetime, more: str
) -> None:
    channel("apprise", f"json://127.0.0.1:{receiver.port}/in?a=1, {more.format(port=receiver.port)}")
    happen()
    send(now)
    assert [path.startswith("/in") for path, _headers, _body in receiver.got] == [True]


def test_apprise_opens_no_file_of_the_server(
    receiver: Receiver, channel: MakeChannel, happen: Happen, now: datetime, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text('{"text": "a secret of the server"}')
    slack = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/"
    channel("apprise", f"{slack}?template=file://{secret}")
    happen()
    send(now)
    assert Delivery.objects.get().error == "refused: a file of this machine"


def test_apprise_reaches_nothing_private_not_even_by_a_redirect_or_a_name(
    receiver: Receiver, channel: MakeChannel, happen: Happen, now: datetime, settings: Any
) -> None:
    settings.OUTBOUND_ALLOWED_NETWORKS = ()
    channel("apprise", f"json://localhost:{receiver.port}/in")
    happen()
    send(now)
    assert receiver.connections == 0
    assert Delivery.objects.get().error.startswith("refused: ")
    assert "private" in Delivery.objects.get().error


def test_routing_asks_the_same_number_of_questions_for_one_event_as_for_many(
    receiver: Receiver, channel: MakeChannel, happen: Happen, now: datetime
) -> None:
    channel("webhook", receiver.url())

    def queries(count: int) -> int:
        for _number in range(count):
            happen()
        with CaptureQueriesContext(connection) as captured:
            assert routing.route(now=now) == count
        return len(captured)

    queries(1)  # makes the endpoint
    assert queries(1) == queries(50)


def test_what_is_old_is_forgotten_but_never_what_still_waits(
    receiver: Receiver, channel: MakeChannel, happen: Happen, now: datetime
) -> None:
    channel("webhook", receiver.url())
    happen()
    send(now)
    happen(now=now)
    routing.route(now=now)
    happen(now=now + timedelta(days=1))
    assert outbox.forget(before=now + timedelta(hours=1)) == 1
    assert OutboxEvent.objects.count() == 2
    assert Delivery.objects.count() == 1
