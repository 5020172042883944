"""Who has something open just now.

A browser tab is present in a group of `console.lib.live` from when it says so until it says otherwise or its
connection ends. Valkey keeps that as leases, one per tab, which the process that serves the tab renews: a process that
was killed leaves nobody behind. Everyone who listens to the group is told when somebody comes or goes, never who.
Nothing that is promised depends on it: without Valkey nobody seems to be there.
"""

import asyncio
import time
from typing import Any
from weakref import WeakKeyDictionary

import orjson
from redis.client import Pipeline

from console.lib import live, valkey

KEY_PREFIX = "handrail:present:"
LEASE_SECONDS = 60.0
RENEW_SECONDS = 20.0


def people_in(group: str) -> frozenset[int]:
    """The ids of the people who are present in a group."""
    members: Any = valkey.attempt(lambda client: client.zrangebyscore(KEY_PREFIX + group, time.time(), "+inf"))
    return frozenset(int(member.partition(b":")[0]) for member in members or [])


class Tabs:
    """The tabs of one process that are present somewhere. Lives in one event loop; all methods run there."""

    def __init__(self) -> None:
        self._present: set[tuple[str, str]] = set()
        self._renewing: asyncio.Task[None] | None = None

    async def enter(self, group: str, user_id: int, tab: str) -> None:
        """From now on that tab of the person, whatever it calls itself, is present in the group."""
        place = (group, f"{user_id}:{tab}")
        self._present.add(place)
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renew_forever(), name="presence")
        await asyncio.to_thread(valkey.attempt, lambda client: _told(_kept(client.pipeline(False), {place}), group))

    async def leave(self, group: str, user_id: int, tab: str) -> None:
        """The tab is not present there any more."""
        place = (group, f"{user_id}:{tab}")
        self._present.discard(place)
        await asyncio.to_thread(valkey.attempt, lambda client: _told(_left(client.pipeline(False), place), group))

    async def _renew_forever(self) -> None:
        while self._present:
            await asyncio.sleep(RENEW_SECONDS)
            await asyncio.to_thread(_renew, set(self._present))


def _kept(pipe: Pipeline, places: set[tuple[str, str]]) -> Pipeline:
    """Gives these a new lease, and sweeps out whoever has lost theirs."""
    now = time.time()
    for group, member in places:
        pipe.zremrangebyscore(KEY_PREFIX + group, "-inf", now)
        pipe.zadd(KEY_PREFIX + group, {member: now + LEASE_SECONDS})
        pipe.expire(KEY_PREFIX + group, int(LEASE_SECONDS) + 1)
    return pipe


def _renew(places: set[tuple[str, str]]) -> None:
    valkey.attempt(lambda client: _kept(client.pipeline(False), places).execute())


def _left(pipe: Pipeline, place: tuple[str, str]) -> Pipeline:
    pipe.zrem(KEY_PREFIX + place[0], place[1])
    return pipe


def _told(pipe: Pipeline, group: str) -> None:
    """Does it, and tells those who listen that somebody came or went."""
    pipe.publish(live.CHANNEL_PREFIX + group, orjson.dumps({"group": group}))
    pipe.execute()


_tabs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Tabs]" = WeakKeyDictionary()


def tabs() -> Tabs:
    """The tabs of the running event loop; a web process has exactly one."""
    loop = asyncio.get_running_loop()
    if loop not in _tabs:
        _tabs[loop] = Tabs()
    return _tabs[loop]
