"""Every transition of a request is told outside: an event in the outbox, written if and only if the transition is."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from standardwebhooks.webhooks import Webhook

from agents.authentication import Caller
from agents.models import Channel, Notification, OutboxEvent, Project
from agents.services import channels, deliveries, routing
from console.lib.addresses import networks
from reviews import states
from reviews.models import Approval
from reviews.services import expiry, information, outcomes
from reviews.services.decisions import Ruling, decide
from reviews.services.requests import Asked, cancel_request, create_requests
from tests.receiving import Receiver, receiving
from tests.reviews.conftest import NOON, draft

Request = Callable[..., Approval]


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.OUTBOUND_ALLOWED_NETWORKS = networks(["127.0.0.1/32"])
    with receiving() as server:
        yield server


def told() -> list[str]:
    return list(OutboxEvent.objects.order_by("pk").values_list("type", flat=True))


def ruled(approval: Approval, by: Caller, now: datetime, **fields: Any) -> None:
    fields.setdefault("verdict", states.Verdict.APPROVE)
    decide(approval=approval, by=by, ruling=Ruling(**fields), now=now)


@pytest.mark.parametrize(
    ("fields", "event"),
    [
        ({}, "approval.approved"),
        ({"verdict": states.Verdict.EDIT, "arguments": {"order": "A-17", "amount": 1}}, "approval.approved"),
        ({"verdict": states.Verdict.REJECT, "reason": "Too much"}, "approval.rejected"),
        ({"verdict": states.Verdict.RESPOND, "message": "Ask again tomorrow"}, "approval.answered"),
    ],
)
def test_a_decision_is_told_by_what_it_made_of_the_request(
    request_one: Request, ana: Caller, fields: dict[str, Any], event: str
) -> None:
    approval = request_one(metadata={"run": 7})
    ruled(approval, ana, NOON, **fields)
    assert told() == ["approval.requested", event]
    data = OutboxEvent.objects.get(type=event).data
    assert (data["id"], data["status"], data["metadata"]) == (str(approval.pk), event.partition(".")[2], {"run": 7})
    assert data["decision"]["verdict"] == fields.get("verdict", "approve")
    assert data["decision"]["changed_arguments"] == fields.get("arguments")
    assert data["decision"]["items"][0]["reviewer"] == "Ana"


def test_questions_answers_cancellation_expiry_and_outcome_are_told(
    request_one: Request, agent: Caller, ana: Caller
) -> None:
    first, second, third = request_one(), request_one(), request_one()
    information.request_info(approval=first, by=ana, text="Which order?", now=NOON)
    information.post_message(approval=first, by=agent, text="A-17", now=NOON)
    information.post_message(approval=first, by=agent, text="And a word more", now=NOON)
    cancel_request(approval=second, by=agent, now=NOON)
    ruled(third, ana, NOON)
    outcomes.record_outcome(approval=third, by=agent, status="succeeded", detail={}, now=NOON)
    expiry.expire_due(now=NOON + timedelta(hours=1))
    assert told()[3:] == [
        "approval.info_requested",
        "approval.info_provided",
        "approval.cancelled",
        "approval.approved",
        "approval.outcome",
        "approval.expired",
    ]


def test_what_is_rolled_back_is_not_told(request_one: Request, ana: Caller) -> None:
    approval = request_one()
    with transaction.atomic():
        ruled(approval, ana, NOON)
        transaction.set_rollback(True)  # as when the web process dies here
    assert told() == ["approval.requested"]


def test_losing_the_race_tells_nothing(request_one: Request, ana: Caller, ben: Caller) -> None:
    approval = request_one()
    ruled(approval, ana, NOON)
    ruled(approval, ben, NOON)
    assert told() == ["approval.requested", "approval.approved"]


def test_many_requests_are_told_in_one_statement(project: Project, agent: Caller) -> None:
    def writes(count: int) -> int:
        asked = [Asked(project=project, by=agent, draft=draft()) for _number in range(count)]
        with CaptureQueriesContext(
            connection,
        ) as queries:
            create_requests(asked=asked, now=NOON)
        return sum("agents_outboxevent" in query["sql"] for query in queries)

    assert (writes(1), writes(20)) == (1, 1)


def test_the_agents_words_ring_no_bells_and_lead_nowhere(request_one: Request) -> None:
    request_one(
        action="refund<!channel>",
        summary="@here see https://evil.example/login or www.evil.example\n[click](javascript:x) \u202eabc `code`",
    )
    event = OutboxEvent.objects.get()
    for text in (event.title, event.body):
        assert "@" not in text
        assert "://" not in text
        assert "www." not in text
        assert not set(text) & set("<>`[]\n\u202e")


def test_decide_links_point_at_pages_behind_the_login(request_one: Request, project: Project, client: Any) -> None:
    approval = request_one()
    paths = [action["path"] for action in OutboxEvent.objects.get().actions]
    assert paths == [f"/p/shop/queue/{approval.pk}/decide/{verdict}/" for verdict in ("approve", "reject")]
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 302
        assert answer["location"].startswith("/accounts/login/")


def test_following_a_decide_link_decides_nothing_until_the_answer_is_sent(
    request_one: Request, ana: Caller, client: Any
) -> None:
    approval = request_one(now=datetime.now(UTC))
    client.force_login(ana.user, backend="django.contrib.auth.backends.ModelBackend")
    path = OutboxEvent.objects.get().actions[0]["path"]
    page = client.get(path)
    assert b"Approve process_refund?" in page.content
    approval.refresh_from_db()
    assert approval.status == "pending"
    client.post(f"/p/shop/queue/{approval.pk}/decision/", {"verdict": "approve"})
    approval.refresh_from_db()
    assert approval.status == "approved"
    assert client.get(path).status_code == 302


def test_once_a_request_is_decided_nobodys_bell_asks_for_it_any_more(
    request_one: Request, ana: Caller, ben: Caller
) -> None:
    first, _second = request_one(), request_one()
    assert Notification.objects.filter(user=ben.user).unread().count() == 2
    ruled(first, ana, NOON)
    routing.route(now=NOON)
    [left] = Notification.objects.filter(user=ben.user).unread()
    assert str(first.pk) not in left.url


def test_from_the_request_to_the_decision_a_webhook_is_told_and_can_verify_all_of_it(
    request_one: Request, project: Project, ana: Caller, receiver: Receiver
) -> None:
    now = datetime.now(UTC)
    assert ana.user is not None
    hook = channels.create(
        project=project, kind="webhook", name="ops", target=receiver.url("/hook"), by=ana.user, now=now
    )
    approval = request_one(now=now, callback_url=receiver.url("/resume"))
    ruled(approval, ana, now + timedelta(seconds=1))
    routing.route(now=now)
    deliveries.send_due(now=now)
    hooks = [(headers, body) for path, headers, body in receiver.got if path == "/hook"]
    callbacks = [(headers, body) for path, headers, body in receiver.got if path == "/resume"]
    verified = [Webhook(hook.secret).verify(body, headers) for headers, body in hooks]
    assert [one["type"] for one in verified] == ["approval.requested", "approval.approved"]
    secret = Channel.objects.get(kind="callback").secret
    resumed = [Webhook(secret).verify(body, headers) for headers, body in callbacks]
    assert resumed[-1]["data"]["decision"]["verdict"] == "approve"
    assert [headers["webhook-id"] for headers, _body in hooks] == [
        headers["webhook-id"] for headers, _body in callbacks
    ]
