"""Who has something open: every tab counts for itself, and what vanished is forgotten."""

import asyncio
from uuid import uuid4

import pytest

from console.lib import live, presence, valkey
from tests.console.test_live import Listener, until


@pytest.fixture
def group() -> str:
    return f"p1.looking.{uuid4()}"


async def people(group: str) -> frozenset[int]:
    return await asyncio.to_thread(presence.people_in, group)


async def test_a_person_is_present_until_their_last_tab_has_left(group: str) -> None:
    tabs = presence.Tabs()
    await tabs.enter(group, 7, "one")
    await tabs.enter(group, 7, "two")
    await tabs.enter(group, 8, "three")
    assert await people(group) == {7, 8}
    await tabs.leave(group, 7, "one")
    assert await people(group) == {7, 8}
    await tabs.leave(group, 7, "two")
    assert await people(group) == {8}


async def test_whoever_listens_is_told_that_somebody_came_or_went_but_not_who(group: str) -> None:
    hub, listener, tabs = live.Hub(), Listener(), presence.Tabs()
    await hub.add(group, listener)
    await until(lambda: any(message.get("resync") for message in listener.heard))
    listener.heard.clear()
    await tabs.enter(group, 7, "one")
    await until(lambda: listener.heard)
    await tabs.leave(group, 7, "one")
    await until(lambda: len(listener.heard) == 2)
    assert listener.heard == [{"group": group}] * 2
    await hub.remove(group, listener)


async def test_a_tab_whose_process_was_killed_is_forgotten(group: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "LEASE_SECONDS", 0.3)
    await presence.Tabs().enter(group, 7, "one")
    assert await people(group) == {7}
    await until(lambda: not presence.people_in(group))


async def test_a_lease_is_renewed_for_as_long_as_the_tab_is_open(group: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "RENEW_SECONDS", 0.05)
    tabs = presence.Tabs()
    await tabs.enter(group, 7, "one")
    valkey.attempt(lambda client: client.delete(presence.KEY_PREFIX + group))
    await until(lambda: presence.people_in(group))
    await tabs.leave(group, 7, "one")


def test_without_valkey_nobody_seems_to_be_there(group: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(valkey, "attempt", lambda _operation: None)
    assert presence.people_in(group) == frozenset()
