"""Whose websocket may stay open."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.db import connections

from agents.consumers import POLICY_VIOLATION, LiveConsumer, find_project
from agents.models import Membership, Project, User
from agents.services import members
from console.lib import live, notices, valkey


@pytest.fixture
def member(db: None) -> User:
    person = User.objects.create_user("dana@example.org")
    Membership.objects.create(user=person, project=Project.objects.create(slug="shop", name="Shop"), role="viewer")
    return person


def test_a_member_of_an_open_project_find_project(member: User) -> None:
    found = find_project(member, "shop")
    assert found is not None
    assert found.slug == "shop"


def test_nobody_listens_to_an_archived_project(member: User) -> None:
    Project.objects.update(archived_at=datetime(2026, 3, 2, tzinfo=UTC))
    assert find_project(member, "shop") is None


def test_a_deactivated_person_may_not_listen_although_their_session_is_still_there(member: User) -> None:
    User.objects.update(is_active=False)
    assert find_project(member, "shop") is None


def test_strangers_and_visitors_may_not_listen(member: User) -> None:
    assert find_project(User.objects.create_user("eve@example.org"), "shop") is None
    assert find_project(AnonymousUser(), "shop") is None


@pytest.mark.parametrize("told", [{"access": True}, {"resync": True}])
@pytest.mark.django_db(transaction=True)
async def test_who_lost_their_access_while_messages_were_lost_is_dropped_at_the_resync(
    member: User, told: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer = LiveConsumer()
    consumer.user, consumer.project = member, await Project.objects.aget()
    done: list[object] = []

    async def close(code: int) -> None:
        done.append(code)

    async def send(text_data: str) -> None:
        done.append("sent")

    monkeypatch.setattr(consumer, "close", close)
    monkeypatch.setattr(consumer, "send", send)
    message = live.Message.of({"group": live.user_group(member.pk), **told})
    try:
        await consumer.forward(message)
        await Membership.objects.all().adelete()
        await consumer.forward(message)
    finally:
        await sync_to_async(connections.close_all)()
    assert done == ["sent", POLICY_VIOLATION]


@pytest.mark.parametrize("missed", [False, True])
@pytest.mark.django_db(transaction=True)
async def test_who_loses_their_access_while_valkey_is_away_is_dropped(
    member: User, missed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valkey, "attempt", lambda _step: None)
    said: asyncio.Queue[dict[str, object]] = asyncio.Queue()
    said.put_nowait({"type": "websocket.connect"})
    accepted, dropped = asyncio.Event(), asyncio.Event()

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "websocket.accept":
            accepted.set()
        if message["type"] == "websocket.close":
            assert message["code"] == POLICY_VIOLATION
            dropped.set()

    scope = {"type": "websocket", "user": member, "url_route": {"kwargs": {"project": "shop"}}}
    if not missed:
        notices.listener.start()
    serving = asyncio.create_task(LiveConsumer()(scope, said.get, send))
    try:
        await accepted.wait()
        membership = await Membership.objects.select_related("user", "project").aget()
        await sync_to_async(members.remove)(membership=membership, by=member, now=datetime.now(UTC))
        notices.listener.start()  # who only listens now has missed it
        async with asyncio.timeout(10):
            await dropped.wait()
    finally:
        said.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await asyncio.wait([serving], timeout=10)
        notices.listener.stop()
        await sync_to_async(connections.close_all)()


@pytest.mark.django_db(transaction=True)
async def test_who_leaves_before_the_answer_is_told_nothing_more_and_the_hub_forgets_them(member: User) -> None:
    said: list[dict[str, object]] = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": json.dumps({"subscribe": ["metrics", "looking.x"]})},
        {"type": "websocket.disconnect", "code": 1001},
    ]
    heard: list[str] = []

    async def receive() -> dict[str, object]:
        return said.pop(0)

    async def send(message: dict[str, object]) -> None:
        heard.append(str(message["type"]))
        if message["type"] == "websocket.send":
            raise OSError("the page is gone")

    scope = {"type": "websocket", "user": member, "url_route": {"kwargs": {"project": "shop"}}}
    try:
        await LiveConsumer()(scope, receive, send)
    finally:
        await sync_to_async(connections.close_all)()
    assert heard[:2] == ["websocket.accept", "websocket.send"]
    assert not live.hub()._channels
