"""Every transition of a request is told outside: an event in the outbox, written if and only if the transition is."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from standardwebhooks.webhooks import Webhook

from agents.authentication import Caller
from agents.messages import EVENTS
from agents.models import Channel, Notification, OutboxEvent, Project
from agents.services import channels, deliveries, routing
from console.lib.addresses import networks
from reviews import states
from reviews.canonical import arguments_hash
from reviews.models import Approval, ApprovalEvent
from reviews.policy.plan import OnTimeout, ReviewPlan
from reviews.policy.schema import Effect, Rule
from reviews.policy.templates import DEFAULT_POLICY
from reviews.selectors.signing_keys import verified_claims
from reviews.serializers.approvals import represent
from reviews.services import expiry, information, news, outcomes, receipts, settling
from reviews.services.decisions import Ruling, decide, withdraw
from reviews.services.policies import publish
from reviews.services.requests import Asked, ItemDraft, RequestDraft, cancel_request, create_request, create_requests
from tests.receiving import Receiver, receiving
from tests.reviews.conftest import NOON, REFUND, draft

Request = Callable[..., Approval]


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.OUTBOUND_ALLOWED_NETWORKS = networks(["127.0.0.1/32"])
    with receiving() as server:
        yield server


def told() -> list[str]:
    """The types of what goes out."""
    waiting = OutboxEvent.objects.filter(routed_at__isnull=True)
    return list(waiting.order_by("pk").values_list("type", flat=True))


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
    data = OutboxEvent.objects.get(type=event).told
    assert (data["id"], data["status"], data["metadata"]) == (str(approval.pk), event.partition(".")[2], {"run": 7})
    assert data["verdict"] == fields.get("verdict", "approve")
    says_what_the_api_says(approval, data)
    [item] = data["items"]
    assert (item["arguments"], data["arguments_omitted"]) == (REFUND, False)
    assert [reviewer["name"] for reviewer in item["decision"]["reviewers"]] == ["Ana"]
    final = item["decision"]["arguments"]
    claims = verified_claims(item["decision"]["receipt"])
    assert claims["arguments_hash"] == (arguments_hash(final) if final else None)
    assert final == (fields.get("arguments", REFUND) if event == "approval.approved" else None)


def says_what_the_api_says(approval: Approval, data: dict[str, Any]) -> None:
    """A webhook's words about a decision are those of the API, member by member."""
    shown = represent(Approval.objects.with_parts().get(pk=approval.pk), estimated_wait_seconds=None)
    assert data["decision"] == shown["decision"]
    assert len(data["items"]) == len(shown["items"])
    for told_item, item in zip(data["items"], shown["items"], strict=True):
        assert told_item == {name: item[name] for name in told_item}
        assert told_item["decision"]["receipt"]


def batch(project: Project, agent: Caller, **fields: Any) -> Approval:
    items = [ItemDraft(action=name, arguments={"n": place}) for place, name in enumerate(("pay", "mail", "delete"))]
    return create_request(project=project, by=agent, draft=RequestDraft(items=tuple(items), **fields), now=NOON)


def test_a_batch_is_told_item_by_item_with_a_receipt_for_each(project: Project, agent: Caller, ana: Caller) -> None:
    approval = batch(project, agent)
    ruled(approval, ana, NOON, item=1, verdict=states.Verdict.REJECT, reason="Not today")
    ruled(approval, ana, NOON, item=0)
    ruled(approval, ana, NOON, item=2, verdict=states.Verdict.EDIT, arguments={"n": 7})
    assert told()[-1] == "approval.mixed"
    data = OutboxEvent.objects.get(type="approval.mixed").told
    says_what_the_api_says(approval, data)
    assert [item["effect"] for item in data["items"]] == ["allow", "deny", "allow"]
    assert [item["decision"]["arguments"] for item in data["items"]] == [{"n": 0}, None, {"n": 7}]


def test_what_a_rule_and_what_the_deadline_decides_is_told_with_its_receipts(
    project: Project, agent: Caller, ana: Caller
) -> None:
    review = ReviewPlan(on_timeout=OnTimeout.APPROVE)
    rules = (
        Rule("greetings are harmless", Effect.AUTO_APPROVE, 'action == "greet"'),
        Rule("silence is consent", Effect.REVIEW, "true", review=review),
    )
    publish(project=project, by=ana, policy=replace(DEFAULT_POLICY, rules=rules), now=NOON)
    by_rule = create_request(project=project, by=agent, draft=draft(action="greet"), now=NOON)
    by_time = batch(project, agent, on_timeout="approve", timeout=timedelta(minutes=5))
    ruled(by_time, ana, NOON, item=1, verdict=states.Verdict.REJECT, reason="No")
    expiry.expire_due(now=NOON + timedelta(hours=1))
    for approval, name, decider in ((by_rule, "approved", "policy"), (by_time, "mixed", "timeout")):
        data = OutboxEvent.objects.get(type=f"approval.{name}").told
        says_what_the_api_says(approval, data)
        assert data["decision"]["decided_by"] == decider


def test_what_is_decided_on_arrives_to_the_last_digit(
    request_one: Request, project: Project, ana: Caller, receiver: Receiver
) -> None:
    arguments = {"z": 12345678901234567890123, "huge": 1e22, "a": [1.0, -0.0], "ü": "für"}
    assert ana.user is not None
    now = datetime.now(UTC)
    hook = channels.create(
        project=project, kind="webhook", name="ops", target=receiver.url("/hook"), by=ana.user, now=now
    )
    ruled(request_one(now=now, arguments=arguments, metadata={"n": 2**80}), ana, now)
    routing.route(now=now)
    deliveries.send_due(now=now)
    told = [Webhook(hook.secret).verify(body, headers) for _path, headers, body in receiver.got]
    [item] = next(one["data"]["items"] for one in told if one["type"] == "approval.approved")
    assert arguments_hash(item["arguments"]) == verified_claims(item["decision"]["receipt"])["arguments_hash"]
    assert json.dumps(item["decision"]["arguments"]) == json.dumps(arguments)


def test_what_is_too_long_is_left_out_and_said_to_be(request_one: Request, ana: Caller) -> None:
    approval = request_one(arguments={"text": "x" * news.EXACT_BYTES_MAX})
    ruled(approval, ana, NOON)
    data = OutboxEvent.objects.get(type="approval.approved").told
    [item] = data["items"]
    assert data["arguments_omitted"]
    assert (item["arguments"], item["decision"]["arguments"], data["decision"]["arguments"]) == (None, None, None)
    assert verified_claims(item["decision"]["receipt"])["arguments_hash"]
    assert len(json.dumps(data)) < 10_000


def test_within_the_time_to_withdraw_nothing_is_told(
    request_one: Request, project: Project, ana: Caller, ben: Caller
) -> None:
    rules = (Rule("two", Effect.REVIEW, "true", review=ReviewPlan(approvals=2)),)
    publish(project=project, by=ana, policy=replace(DEFAULT_POLICY, rules=rules), now=NOON)
    at_once, later = request_one(), request_one()
    Approval.objects.filter(pk=later.pk).update(undo_seconds=10)
    for approval in (at_once, later):
        approval.refresh_from_db()
        ruled(approval, ana, NOON)
        assert withdraw(approval=approval, by=ana, now=NOON)
        ruled(approval, ana, NOON)
    assert told()[2:] == ["approval.voted", "approval.withdrawn", "approval.voted"]
    ruled(later, ben, NOON)
    assert len(told()) == 5
    settling.settle_due(now=NOON + timedelta(seconds=10))
    assert told()[5:] == ["approval.approved"]
    says_what_the_api_says(later, OutboxEvent.objects.get(type="approval.approved").told)


def test_that_a_receipt_is_used_up_is_told_and_stands_in_the_timeline(
    project: Project, agent: Caller, ana: Caller
) -> None:
    approval = batch(project, agent)
    for place in range(3):
        ruled(approval, ana, NOON, item=place)
    for _again in range(2):  # the second time it is not used up, but refused
        receipts.consume(approval=approval, by=agent, arguments_hash=arguments_hash({"n": 2}), item=2, now=NOON)
    data = OutboxEvent.objects.get(type="approval.consumed").told
    receipt = approval.receipts.get(item__index=2)
    assert data["event"]["detail"] == {"item": 2, "receipt": str(receipt.pk)}
    assert (data["verdict"], data["event"]["by"]) == ("approve", "key bot")
    [line] = approval.events.filter(kind=ApprovalEvent.Kind.CONSUMED)
    assert (line.actor_label, line.detail) == ("key bot", data["event"]["detail"])


def test_every_line_of_a_timeline_is_told_or_known_to_be_nobodys_business() -> None:
    kinds = ApprovalEvent.Kind
    assert set(kinds) - set(news.TOLD) == {kinds.DECIDED, kinds.CLAIMED, kinds.RELEASED}
    decided = {f"approval.{status}" for status in states.DECIDED}
    assert {*news.TOLD.values(), *decided} == {name for name in EVENTS if name.startswith("approval.")}


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
    types = ["approval.requested", "approval.approved", "feedback.created"]  # the last one of the example it makes
    assert [one["type"] for one in verified] == types
    secret = Channel.objects.get(kind="callback").secret
    resumed = [Webhook(secret).verify(body, headers) for headers, body in callbacks]
    assert verified_claims(resumed[-1]["data"]["decision"]["receipt"])["sub"] == str(approval.pk)
    assert [headers["webhook-id"] for headers, _body in hooks[:2]] == [
        headers["webhook-id"] for headers, _body in callbacks
    ]
