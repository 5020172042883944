"""Invalidations from any process to every open browser.

A publisher sends `{"group": ..., counts}` to a Valkey channel after its transaction has committed.
Each web process keeps one Valkey subscription per group that somebody there listens to, and fans out
locally, so five hundred browsers cost one message per process. The first event of a group goes out at
once; further ones coalesce (ARCHITECTURE.md, section 8). Messages say that something changed, never what.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import orjson
import redis.asyncio
from django.conf import settings
from django.db import DatabaseError, transaction
from redis import RedisError

from console.lib import notices, valkey
from console.lib.gathering import Gathering

logger = logging.getLogger(__name__)

CHANNEL_PREFIX = "handrail:live:"
ACCESS = "access"
"""The notice that people may see something else from now on; its words are their ids."""

RECONNECT_SECONDS = 1.0
# redis-py: a connection that has just dropped has no writer any more, which shows as an AttributeError. Whoever meets
# it can go on: the reader notices too, and its next connection subscribes to every group.
CONNECTION_LOST = (RedisError, OSError, AttributeError)


@dataclass(frozen=True)
class Message:
    """An invalidation as it is handed to everybody who listens to its group."""

    facts: Mapping[str, Any]
    text: str
    """What goes to the browser, in JSON, written once for all: the facts under the name that it knows the group by."""

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Message":
        """The message that says so; `facts` name the group."""
        name = str(facts["group"]).partition(".")[2]
        return cls(facts, orjson.dumps({**facts, "group": name}).decode())


Listener = Callable[[Message], Awaitable[None]]


def project_group(project_id: int, name: str) -> str:
    """The group of one subject of a project: `queue`, `metrics`, `alerts` or `approval.<id>`."""
    return f"p{project_id}.{name}"


def user_group(user_id: int | str) -> str:
    """The group of one person: their bell and their access."""
    return f"u{user_id}.user"


def access_changed(user_ids: Iterable[int]) -> None:
    """Has the connections of these people checked again, once the transaction has committed.

    The word goes through the database: nobody goes on listening because Valkey was away just then.
    """
    notices.send(ACCESS, [str(user_id) for user_id in user_ids])


def publish(group: str, *, counts: Callable[[], Mapping[str, Any]] | None = None, **facts: Any) -> None:
    """Tells every browser that listens to `group` that it changed, once the transaction has committed.

    `counts` is asked only then: before, what others are about to commit would be left out, and they would leave out
    ours. Never raises.
    """
    publish_all({group: facts}, counts=(lambda: {group: counts()}) if counts else None)


def publish_all(
    events: Mapping[str, Mapping[str, Any]], *, counts: Callable[[], Mapping[str, Mapping[str, Any]]] | None = None
) -> None:
    """As `publish`, for several groups at once: facts and counts by group."""
    if events:
        transaction.on_commit(lambda: _outgoing.add(dict.fromkeys(_messages(events, _counted(counts)))))


def _counted(counts: Callable[[], Mapping[str, Mapping[str, Any]]] | None) -> Mapping[str, Mapping[str, Any]]:
    """The counts, or none when the database does not answer: what has been committed stays committed."""
    try:
        return counts() if counts else {}
    except DatabaseError:
        logger.warning("live_counts_missing", exc_info=True)
        return {}


def _messages(
    events: Mapping[str, Mapping[str, Any]], counts: Mapping[str, Mapping[str, Any]]
) -> list[tuple[str, bytes]]:
    return [
        (group, orjson.dumps({"group": group, **facts, **counts.get(group, {})})) for group, facts in events.items()
    ]


def _send(messages: Iterable[tuple[str, bytes]]) -> None:
    def publish_them(client: redis.Redis) -> None:
        pipe = client.pipeline(transaction=False)
        for group, message in messages:
            pipe.publish(CHANNEL_PREFIX + group, message)
        pipe.execute()

    valkey.attempt(publish_them)


# Whoever commits does not wait for Valkey, and what a transaction says of hundreds of groups goes there together: after
# the first of them the others get the time to come, or each would be sent by itself, and hold up the rest.
_outgoing: Gathering[tuple[str, bytes], None] = Gathering(_send, name="live-events", interval_seconds=0.01)


def interval_seconds(group: str) -> float:
    """How long further events of a group are held back: 2 a second for metrics, 10 for the rest."""
    return 0.5 if group.endswith(".metrics") else 0.1


@dataclass
class _Channel:
    """What one process knows of a group: its listeners, and the event that waits for its turn."""

    listeners: set[Listener] = field(default_factory=set)
    last_sent: float = 0.0
    held: dict[str, Any] | None = None
    timer: asyncio.TimerHandle | None = None


class Hub:
    """The process's one subscriber. Lives in one event loop; all methods run there."""

    def __init__(self) -> None:
        self._channels: dict[str, _Channel] = {}
        self._pubsub: redis.asyncio.client.PubSub | None = None
        self._followed: set[str] = set()
        self._commands = asyncio.Lock()
        self._reader: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None  # while anybody listens
        self._sending: set[asyncio.Task[None]] = set()

    async def add(self, group: str, listener: Listener) -> None:
        """From now on `listener` is awaited with each message of `group`."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            notices.listener.subscribe(ACCESS, self)
        self._channels.setdefault(group, _Channel()).listeners.add(listener)
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read_forever(), name="live-hub")
        with contextlib.suppress(*CONNECTION_LOST):
            await self._follow()

    async def remove(self, group: str, listener: Listener) -> None:
        """Stops awaiting `listener`; the last one to leave drops the subscription."""
        channel = self._channels.get(group)
        if channel is None:
            return
        channel.listeners.discard(listener)
        if channel.listeners:
            return
        if channel.timer:
            channel.timer.cancel()
        del self._channels[group]
        if not self._channels:
            notices.listener.unsubscribe(ACCESS, self)
            self._loop = None
        with contextlib.suppress(*CONNECTION_LOST):
            await self._follow()

    def connected(self) -> None:
        """Whose access changed while nobody listened is unknown."""
        self._soon(lambda: self._check([name for name in self._channels if name.endswith(".user")]))

    def heard(self, words: Sequence[str]) -> None:
        """The access of these people changed."""
        self._soon(lambda: self._check([user_group(word) for word in words]))

    def lost(self) -> None:
        """They are checked when the connection is back."""

    def _soon(self, step: Callable[[], object]) -> None:
        # Called by the listener's thread; what happens to connections happens in their own.
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(step)

    def _check(self, people: Iterable[str]) -> None:
        for name in people:
            self._arrive(name, {"group": name, "access": True})

    async def _follow(self) -> None:
        """Makes the subscriptions of the connection, if there is one, those that somebody listens to."""
        async with self._commands:
            while self._pubsub is not None and self._followed != set(self._channels):
                missing, surplus = set(self._channels) - self._followed, self._followed - set(self._channels)
                if missing:
                    await self._pubsub.subscribe(*(CHANNEL_PREFIX + group for group in missing))
                if surplus:
                    await self._pubsub.unsubscribe(*(CHANNEL_PREFIX + group for group in surplus))
                self._followed = (self._followed | missing) - surplus

    async def _read_forever(self) -> None:
        while self._channels:
            try:
                await self._read_connection()
            except CONNECTION_LOST:
                logger.warning("live_hub_reconnecting")
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _read_connection(self) -> None:
        client = redis.asyncio.Redis.from_url(settings.VALKEY_URL, socket_connect_timeout=2, health_check_interval=15)
        async with client, client.pubsub(ignore_subscribe_messages=True) as pubsub:
            self._pubsub, self._followed = pubsub, set()
            try:
                await self._follow()
                # Whatever was published while nobody listened is unknown: let everyone look again.
                for group in list(self._channels):
                    self._arrive(group, {"group": group, "resync": True})
                while self._channels:
                    message = await pubsub.get_message(timeout=5.0)
                    if message is not None:
                        body = orjson.loads(message["data"])
                        self._arrive(body["group"], body)
            finally:
                self._pubsub = None

    def _arrive(self, group: str, message: dict[str, Any]) -> None:
        channel = self._channels.get(group)
        if channel is None:
            return
        wait = channel.last_sent + interval_seconds(group) - time.monotonic()
        if wait <= 0 and channel.held is None:
            self._deliver(channel, message)
            return
        # Later counts replace earlier ones, but a fact that came once is not lost: `access`, for one.
        channel.held = {**(channel.held or {}), **message}
        if channel.timer is None:
            channel.timer = asyncio.get_running_loop().call_later(max(wait, 0), self._release, channel)

    def _release(self, channel: _Channel) -> None:
        channel.timer = None
        message, channel.held = channel.held, None
        if message is not None:
            self._deliver(channel, message)

    def _deliver(self, channel: _Channel, facts: dict[str, Any]) -> None:
        channel.last_sent = time.monotonic()
        message = Message.of(facts)
        for listener in list(channel.listeners):
            task = asyncio.ensure_future(listener(message))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)


_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop; a web process has exactly one."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())
