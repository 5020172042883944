"""Requests of agents that arrive together: the short way gives the answers of the view."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.core.asgi import get_asgi_application
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from agents.authentication import Caller
from agents.models import ApiKey, AuditEvent, IdempotencyRecord, Notification, Project
from agents.permissions import Scope
from console.lib import clock
from reviews.api import intake
from reviews.api.intake import Intake, Sent, write_all
from reviews.models import Approval, ApprovalEvent
from reviews.policy.reading import read_policy
from reviews.serializers.requests import draft_of
from reviews.services import policies
from tests.reviews.conftest import Api, make_key

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("database_threads")]

BODY = {"action": "process_refund", "arguments": {"order": "A-17", "amount": 12_000}, "summary": "Late parcel"}
Post = Callable[..., Any]


class Fronted:
    """Intake in front of Django, noting what Django had to look at."""

    def __init__(self) -> None:
        self.seen_by_view: list[str] = []
        self._django = get_asgi_application()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen_by_view.append(scope["path"])
        await self._django(scope, receive, send)


@pytest.fixture
def behind() -> Fronted:
    return Fronted()


@pytest.fixture
async def post(agent_api: Api, behind: Fronted) -> AsyncIterator[Post]:
    transport = httpx.ASGITransport(Intake(behind))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", timeout=60) as client:

        async def send(body: Any = BODY, *, secret: str = agent_api.secret, **headers: str) -> httpx.Response:
            content = {"content": body} if isinstance(body, bytes) else {"json": body}
            allowed = {"authorization": f"Bearer {secret}", "content-type": "application/json"} | headers
            return await client.post("/api/v1/approvals", headers=allowed, **content)

        yield send


def without_identity(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in {"id", "url", "requested_at", "expires_at"}}


async def test_the_short_way_answers_and_writes_as_the_view_does(
    post: Post, behind: Fronted, agent_api: Api, ana: Caller
) -> None:
    quick = await post()
    assert behind.seen_by_view == []
    slow = await sync_to_async(agent_api.post)("/api/v1/approvals", BODY)
    assert (quick.status_code, quick.headers["content-type"]) == (201, "application/json")
    assert without_identity(quick.json()) == without_identity(slow.json())

    def rows_of(document: dict[str, Any]) -> tuple[list[Any], ...]:
        approval = Approval.objects.get(pk=document["id"])
        columns = [getattr(approval, field.attname) for field in Approval._meta.concrete_fields]
        return (
            [value for value in columns if not isinstance(value, datetime | UUID) and value != approval.due_minute],
            list(approval.items.values_list("index", "action", "arguments", "allowed_decisions")),
            list(approval.events.values_list("kind", "actor_label", "detail")),
            list(AuditEvent.objects.filter(target=f"approval {approval.pk}").values_list("action", "actor_label")),
            list(Notification.objects.filter(url__contains=document["id"]).values_list("user", "title", "body")),
        )

    assert await sync_to_async(rows_of)(quick.json()) == await sync_to_async(rows_of)(slow.json())


async def test_requests_that_arrive_together_all_get_their_own_answer(post: Post, behind: Fronted) -> None:
    answers = await asyncio.gather(*(post({**BODY, "summary": f"number {number}"}) for number in range(40)))
    assert [answer.json()["summary"] for answer in answers] == [f"number {number}" for number in range(40)]
    assert behind.seen_by_view == []
    assert await Approval.objects.acount() == 40


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), ({"arguments": {}}, 422), ({"action": "x", "confidence": 7}, 422), (b"[]", 422)],
)
async def test_what_is_wrong_is_said_by_the_view(post: Post, behind: Fronted, body: Any, status: int) -> None:
    refused, kept = await asyncio.gather(post(body), post())
    assert (refused.status_code, kept.status_code) == (status, 201)
    assert refused.headers["content-type"] == "application/problem+json"
    assert len(behind.seen_by_view) == 1


async def test_strangers_and_keys_without_the_scope_are_turned_away_by_the_view(post: Post, project: Project) -> None:
    _key, reading = await sync_to_async(make_key)(project, Scope.FEEDBACK_READ)
    assert (await post(secret="hr_unknown")).status_code == 401
    assert (await post(secret=reading)).status_code == 403
    assert (await post(b"x", **{"content-type": "text/plain"})).status_code == 415


async def test_a_repeated_key_gets_the_first_answer(post: Post) -> None:
    first = await post(**{"idempotency-key": "one"})
    again = await post(**{"idempotency-key": "one"})
    other = await post({**BODY, "summary": "another"}, **{"idempotency-key": "one"})
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"


async def test_the_same_key_in_one_batch_makes_one_request(post: Post) -> None:
    answers = await asyncio.gather(*(post(**{"idempotency-key": f"k{number % 3}"}) for number in range(12)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 3
    assert await Approval.objects.acount() == 3
    assert await IdempotencyRecord.objects.acount() == 3


async def test_one_that_the_policy_refuses_fails_alone_with_the_answer_of_the_view(
    post: Post, behind: Fronted, agent_api: Api
) -> None:
    wanting = {**BODY, "on_timeout": "approve"}
    answers = await asyncio.gather(
        *(post(wanting if number % 4 == 0 else BODY, **{"idempotency-key": f"key {number}"}) for number in range(20))
    )
    assert behind.seen_by_view == []
    assert [answer.status_code for answer in answers] == [422, 201, 201, 201] * 5
    slow = await sync_to_async(agent_api.post)("/api/v1/approvals", wanting)
    quick = answers[0]
    assert quick.json() == slow.json()
    assert quick.headers["content-type"] == slow.headers["content-type"] == "application/problem+json"
    assert await Approval.objects.acount() == await IdempotencyRecord.objects.acount() == 15


async def test_a_refused_request_may_be_mended_and_sent_again_under_its_key(post: Post) -> None:
    refused = await post({**BODY, "on_timeout": "approve"}, **{"idempotency-key": "one"})
    mended = await post(BODY, **{"idempotency-key": "one"})
    again = await post(BODY, **{"idempotency-key": "one"})
    assert (refused.status_code, mended.status_code, again.status_code) == (422, 201, 201)
    assert again.content == mended.content


async def test_when_a_batch_fails_each_is_tried_alone(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_options: Any) -> None:
        raise DatabaseError("no")

    monkeypatch.setattr(intake, "create_requests", broken)
    answers = await asyncio.gather(*(post() for _ in range(5)))
    assert {answer.status_code for answer in answers} == {201}
    assert await Approval.objects.acount() == 5


async def test_a_body_that_upsets_the_reader_is_left_to_the_view_and_takes_no_other_along(
    post: Post, behind: Fronted, monkeypatch: pytest.MonkeyPatch
) -> None:
    await post()
    read = draft_of

    def upset(values: Any) -> Any:
        if values["action"] == "upsetting":
            raise OverflowError("too much")
        return read(values)

    monkeypatch.setattr(intake, "draft_of", upset)
    answers = await asyncio.gather(*(post({**BODY, "action": "upsetting"} if n == 3 else BODY) for n in range(7)))
    assert {answer.status_code for answer in answers} == {201}
    assert len(behind.seen_by_view) == 1


async def test_a_commit_that_nobody_knows_of_is_not_tried_again_without_a_key(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def committed_and_lost(_answers: Any) -> None:
        connection.on_commit(lost)

    def lost() -> None:
        raise DatabaseError("the connection is gone")

    monkeypatch.setattr(intake, "fill", committed_and_lost)
    answer = await post()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert await Approval.objects.acount() == 1


@pytest.mark.parametrize(("effect", "most"), [("review", 13), ("auto_approve", 22)])
def test_a_batch_takes_as_many_queries_as_one(
    project: Project, agent_api: Api, ana: Caller, effect: str, most: int
) -> None:
    rule = {"name": "all", "effect": effect, "condition": "true"}
    policies.publish(project=project, by=ana, policy=read_policy({"rules": [rule]}), now=clock.now())
    key = ApiKey.objects.select_related("project").get()
    body = b'{"action": "process_refund", "arguments": {"amount": 5}}'
    counts = []
    for size in (2, 1, 40):  # The first one also makes the key that signs.
        batch = [Sent(Caller(key=key), f"{size}-{number}", body) for number in range(size)]
        with CaptureQueriesContext(connection) as queries:
            assert all(write_all(batch))
        counts.append(len(queries))
    assert counts[1] == counts[2] <= most
    assert ApprovalEvent.objects.filter(kind="requested").count() == 43
