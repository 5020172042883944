"""The hub hears every group that somebody listens to, and loses no fact while it coalesces."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from console.lib import gathering, live, valkey
from tests.waiting import eventually


class Listener:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []

    async def __call__(self, message: live.Message) -> None:
        self.heard.append(dict(message.facts))


async def until(condition: Callable[[], object], *, seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # the condition is another process's doing
            await asyncio.sleep(0.01)


def publish(group: str, **facts: Any) -> None:
    message = orjson.dumps({"group": group, **facts})
    assert valkey.attempt(lambda client: client.publish(live.CHANNEL_PREFIX + group, message)) is not None


async def test_groups_added_while_the_hub_connects_are_heard_too() -> None:
    hub = live.Hub()
    listeners = {f"p1.approval.{n}": Listener() for n in range(20)}
    await asyncio.gather(*(hub.add(group, listener) for group, listener in listeners.items()))
    await until(lambda: hub._followed == set(listeners))
    for group in listeners:
        publish(group, n=1)
    await until(lambda: all(any("n" in message for message in one.heard) for one in listeners.values()))
    for group, listener in listeners.items():
        await hub.remove(group, listener)


async def test_a_burst_is_coalesced_and_keeps_a_fact_that_came_once() -> None:
    hub, listener = live.Hub(), Listener()
    await hub.add("u1.user", listener)
    await until(lambda: any(message.get("resync") for message in listener.heard))
    publish("u1.user", unread=1)
    publish("u1.user", access=True)
    for unread in range(2, 30):
        publish("u1.user", unread=unread)
    await until(lambda: any(message.get("unread") == 29 for message in listener.heard))
    assert len(listener.heard) < 10
    assert any(message.get("access") for message in listener.heard)
    await hub.remove("u1.user", listener)


async def test_who_has_left_hears_nothing_more() -> None:
    hub, stays, leaves = live.Hub(), Listener(), Listener()
    await hub.add("p1.queue", stays)
    await hub.add("p1.queue", leaves)
    await until(lambda: stays.heard)
    await hub.remove("p1.queue", leaves)
    before = len(leaves.heard)
    publish("p1.queue", waiting=1)
    await until(lambda: any("waiting" in message for message in stays.heard))
    assert len(leaves.heard) == before
    await hub.remove("p1.queue", stays)


def test_a_browser_is_told_the_name_of_the_group_without_its_project() -> None:
    message = live.Message.of({"group": "p7.approval.0190", "status": "approved"})
    assert orjson.loads(message.text) == {"group": "approval.0190", "status": "approved"}


def test_whoever_commits_does_not_wait_and_what_is_said_meanwhile_goes_out_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[int] = []
    go_on = threading.Event()

    def slowly(_operation: object) -> None:
        sent.append(len(sent))
        assert go_on.wait(10)

    monkeypatch.setattr(valkey, "attempt", slowly)
    gathering.start()
    try:
        live._outgoing.add({("p1.queue", b"{}"): None})
        eventually(lambda: sent)
        for number in range(100):
            live._outgoing.add({(f"p1.approval.{number}", b"{}"): None})
        assert len(sent) == 1
        go_on.set()
        eventually(lambda: len(sent) == 2 and not live._outgoing._held)
    finally:
        gathering.stop()
