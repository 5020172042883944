"""Channels and deliveries over the API: what is managed in Settings, for programs."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from standardwebhooks.webhooks import Webhook

from agents.models import Channel, ChannelRule, Delivery, IdempotencyRecord, Project, User
from agents.permissions import Scope
from agents.roles import Role
from agents.services import deliveries, routing, teams
from console.lib import clock
from tests.agents.conftest import Browse, MakeKey, MakePerson, audited
from tests.agents.notifications.conftest import Happen
from tests.receiving import Receiver

PATH = "/api/v1/channels"
HOOK = {"kind": "webhook", "name": "Ops", "target": "https://hooks.example.com/secret-path"}


@pytest.fixture
def ada(browse: Browse, admin: User) -> Client:
    return browse(admin)


def call(client: Client, method: str, path: str, body: Any = None, **headers: str) -> Any:
    return getattr(client, method)(path, body, content_type="application/json", headers=headers or None)


def made(client: Client, **fields: Any) -> Any:
    answer = call(client, "post", PATH, {**HOOK, **fields})
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_a_webhook_is_made_with_a_secret_that_is_shown_once(ada: Client, project: Project) -> None:
    answer = made(ada)
    channel = Channel.objects.get()
    assert answer["secret"] == channel.secret
    assert answer["secret"].startswith("whsec_")
    assert (answer["target"], answer["enabled"], answer["failing"]) == ("hooks.example.com", True, False)
    assert [rule["events"] for rule in answer["rules"]] == [[]]
    shown = [ada.get(PATH).json()["results"][0], ada.get(f"{PATH}/{channel.pk}").json()]
    shown.append(call(ada, "patch", f"{PATH}/{channel.pk}", {"name": "Other"}).json())
    for one in shown:
        assert "secret" not in one
        assert "secret-path" not in str(one)
    assert "channel.create" in audited(project)


def test_repeating_the_request_makes_no_second_one_and_keeps_the_secret_nowhere(ada: Client) -> None:
    first = call(ada, "post", PATH, HOOK, **{"Idempotency-Key": "a"})
    again = call(ada, "post", PATH, HOOK, **{"Idempotency-Key": "a"})
    assert (again.status_code, again["Idempotent-Replayed"], Channel.objects.count()) == (201, "true", 1)
    assert again.json() == {**first.json(), "secret": None}
    assert b"whsec_" not in bytes(IdempotencyRecord.objects.get().response)


def test_rules_are_set_and_replaced_as_a_whole(ada: Client, project: Project, admin: User) -> None:
    teams.create(project=project, name="Money", by=admin, now=clock.now())
    night = {"quiet_from": "22:00", "quiet_until": "07:00", "time_zone": "Europe/Berlin", "digest_minutes": 60}
    rule = {"events": ["approval.expired"], "min_risk": "high", "team": "money", **night}
    answer = made(ada, kind="apprise", name="Chat", target="json://example.com/x", rules=[rule])
    assert (answer["rules"], answer["secret"]) == ([rule], None)
    address = f"{PATH}/{answer['id']}"
    changed = call(ada, "patch", address, {"rules": [{}, {"min_risk": "critical"}]}).json()
    assert [one["min_risk"] for one in changed["rules"]] == ["low", "critical"]
    assert call(ada, "patch", address, {"enabled": False}).json()["rules"] == changed["rules"]
    assert "channel.rules_set" in audited(project)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "non_field_errors"),
        ({**HOOK, "secret": "x"}, "secret"),
        ({**HOOK, "kind": "pigeon"}, "kind"),
        ({**HOOK, "kind": "callback"}, "kind"),
        ({**HOOK, "name": " "}, "name"),
        ({**HOOK, "target": 7}, "target"),
        ({**HOOK, "target": "http://169.254.169.254/latest"}, "target"),
        ({**HOOK, "rules": {}}, "rules"),
        ({**HOOK, "rules": [{}] * 21}, "rules"),
        ({**HOOK, "rules": [7]}, "rules[0]"),
        ({**HOOK, "rules": [{"when": 1}]}, "rules[0].when"),
        ({**HOOK, "rules": [{"events": ["approval.lost"]}]}, "rules[0].events"),
        ({**HOOK, "rules": [{"min_risk": []}]}, "rules[0].min_risk"),
        ({**HOOK, "rules": [{}, {"team": "nobody"}]}, "rules[1].team"),
        ({**HOOK, "rules": [{"quiet_from": "25:00"}]}, "rules[0].quiet_from"),
        ({**HOOK, "rules": [{"quiet_from": "22:00"}]}, "quiet_until"),
        ({**HOOK, "rules": [{"time_zone": "Mars"}]}, "rules[0].time_zone"),
        ({**HOOK, "rules": [{"digest_minutes": True}]}, "rules[0].digest_minutes"),
    ],
)
def test_what_makes_no_sense_is_refused_by_field_and_leaves_nothing(ada: Client, body: Any, field: str) -> None:
    refused = call(ada, "post", PATH, body)
    assert (refused.status_code, [error["field"] for error in refused.json()["errors"]]) == (422, [field])
    assert not Channel.objects.exists()


def test_a_change_that_is_refused_changes_nothing(ada: Client) -> None:
    address = f"{PATH}/{made(ada)['id']}"
    refused = call(ada, "patch", address, {"name": "New", "rules": [{"quiet_from": "22:00"}], "enabled": False})
    assert refused.status_code == 422
    assert (Channel.objects.get().name, Channel.objects.get().enabled, ChannelRule.objects.count()) == ("Ops", True, 1)


def test_a_channel_is_switched_off_and_removed(ada: Client) -> None:
    address = f"{PATH}/{made(ada)['id']}"
    assert call(ada, "patch", address, {"enabled": False}).json()["enabled"] is False
    assert call(ada, "post", f"{address}/test").status_code == 409
    assert call(ada, "delete", address).status_code == 204
    assert ada.get(address).status_code == 404
    assert Channel.objects.get().secret == ""


def test_a_test_arrives_is_listed_and_sent_again(ada: Client, receiver: Receiver) -> None:
    hook = made(ada, target=receiver.url("/hook"))
    tried = call(ada, "post", f"{PATH}/{hook['id']}/test")
    assert (tried.status_code, tried.json()["status"], tried.json()["type"]) == (202, "pending", "channel.test")
    deliveries.send_due(now=clock.now())
    [listed] = ada.get(f"{PATH}/{hook['id']}/deliveries?status=delivered").json()["results"]
    assert (listed["id"], listed["tries"], listed["error"]) == (tried.json()["id"], 1, None)
    one = ada.get(f"/api/v1/deliveries/{listed['id']}").json()
    assert ([attempt["code"] for attempt in one["attempts"]], one["data"]["channel"]) == ([204], "Ops")
    again = call(ada, "post", f"/api/v1/deliveries/{listed['id']}/replay")
    assert (again.status_code, again.json()["status"]) == (202, "pending")
    deliveries.send_due(now=clock.now())
    assert [headers["webhook-id"] for _path, headers, _body in receiver.got] == [listed["message_id"]] * 2
    for _path, headers, body in receiver.got:
        Webhook(hook["secret"]).verify(body, headers)
    call(ada, "patch", f"{PATH}/{hook['id']}", {"enabled": False})
    assert call(ada, "post", f"/api/v1/deliveries/{listed['id']}/replay").status_code == 409


def test_a_new_secret_is_shown_once_also_of_the_channel_of_callbacks(ada: Client, project: Project) -> None:
    hook = made(ada)
    rotated = call(ada, "post", f"{PATH}/{hook['id']}/secret").json()
    assert rotated["secret"] == Channel.objects.get().secret != hook["secret"]
    callbacks = routing.callback_channel(project_id=project.pk, now=clock.now())
    address = f"{PATH}/{callbacks.pk}"
    assert call(ada, "post", f"{address}/secret").json()["secret"].startswith("whsec_")
    assert call(ada, "delete", address).status_code == 409
    assert call(ada, "patch", address, {"name": "x"}).status_code == 422
    assert call(ada, "patch", address, {"enabled": False}).json()["enabled"] is False
    browser = made(ada, kind="browser", name="Bells")
    assert call(ada, "post", f"{PATH}/{browser['id']}/secret").status_code == 409


def test_deliveries_come_page_by_page_in_few_queries(ada: Client, happen: Happen) -> None:
    hook = made(ada)
    address = f"{PATH}/{hook['id']}/deliveries"

    def queries(count: int) -> int:
        for _number in range(count):
            happen()
        routing.route(now=clock.now())
        with CaptureQueriesContext(connection) as found:
            assert ada.get(address).status_code == 200
        return len(found)

    queries(1)
    assert queries(1) == queries(5)
    seen, following = [], f"{address}?limit=3"
    while following:
        page = ada.get(following).json()
        seen += [row["id"] for row in page["results"]]
        following = page["next"]
    assert seen == sorted(Delivery.objects.values_list("pk", flat=True), reverse=True)
    assert ada.get(f"{address}?cursor=x").status_code == 400
    assert ada.get(f"{address}?status=lost").status_code == 422


def test_other_projects_and_lesser_people_and_keys_get_nowhere(
    ada: Client,
    project: Project,
    other_project: Project,
    person: MakePerson,
    browse: Browse,
    key: MakeKey,
    happen: Happen,
) -> None:
    hook = made(ada)
    happen()
    routing.route(now=clock.now())
    delivery = Delivery.objects.get()
    addresses = [
        ("get", f"{PATH}/{hook['id']}"),
        ("patch", f"{PATH}/{hook['id']}"),
        ("delete", f"{PATH}/{hook['id']}"),
        ("post", f"{PATH}/{hook['id']}/test"),
        ("post", f"{PATH}/{hook['id']}/secret"),
        ("get", f"{PATH}/{hook['id']}/deliveries"),
        ("get", f"/api/v1/deliveries/{delivery.pk}"),
        ("post", f"/api/v1/deliveries/{delivery.pk}/replay"),
    ]
    stranger, lead = browse(person("Zoe", Role.ADMIN, other_project)), browse(person("Lee", Role.LEAD, project))
    agent = Client(headers={"authorization": f"Bearer {key(scopes=[Scope.APPROVALS_REQUEST]).secret}"})
    for method, path in addresses:
        answers = [call(client, method, path, {}).status_code for client in (stranger, lead, agent)]
        assert answers == [404, 403, 403], (method, path)
    assert stranger.get(PATH).json()["results"] == []


def test_a_key_that_administers_the_project_may(project: Project, key: MakeKey) -> None:
    program = Client(headers={"authorization": f"Bearer {key(scopes=[Scope.ADMIN]).secret}"})
    hook = made(program, rules=None)
    assert call(program, "post", f"{PATH}/{hook['id']}/test").status_code == 202
    assert Channel.objects.get().created_by is None
