"""Wakes waiting agents: one LISTEN connection for the process, whatever the number of waiters."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Iterator
from weakref import WeakKeyDictionary

import psycopg
from django.conf import settings

from reviews.services.transitions import CHANNEL

logger = logging.getLogger(__name__)

READY_SECONDS = 2.0
RECONNECT_SECONDS = 0.5
HEALTH_SECONDS = 20.0
POLL_SECONDS = 1.0
CONNECT_TIMEOUT_SECONDS = 5


class Wakeups:
    """The process's listener. Lives in one event loop and runs while anybody waits."""

    def __init__(self) -> None:
        self._waiters: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._connected = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def registered(self, approval_id: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever the request may have changed, from now until the block ends."""
        event = asyncio.Event()
        self._waiters[approval_id].add(event)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._listen_forever(), name="approval-wakeups")
        try:
            yield event
        finally:
            self._waiters[approval_id].discard(event)
            if not self._waiters[approval_id]:
                del self._waiters[approval_id]

    async def ready(self) -> None:
        """Returns once the connection listens, or after two seconds: then waiters look for themselves now and then."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READY_SECONDS):  # wait_for may lose a cancellation (see reviews.api.wait).
                await self._connected.wait()

    def patience(self) -> float | None:
        """For how many seconds a waiter may rely on being woken; None for as long as it likes."""
        return None if self._connected.is_set() else POLL_SECONDS

    @property
    def waiting(self) -> int:
        """How many wait at present."""
        return sum(len(events) for events in self._waiters.values())

    async def stop(self) -> None:
        """Closes the connection; the next waiter opens it again."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _listen_forever(self) -> None:
        while True:
            try:
                await self._listen()
            except (psycopg.Error, OSError) as error:
                logger.warning("approval_wakeups_reconnecting", extra={"error": str(error)})
            finally:
                self._connected.clear()
                self._wake_all()  # Whoever relied on being woken has to look for themselves from now on.
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen(self) -> None:
        connection = await psycopg.AsyncConnection.connect(
            settings.DATABASE_DIRECT_URL, autocommit=True, connect_timeout=CONNECT_TIMEOUT_SECONDS
        )
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            self._connected.set()
            self._wake_all()  # Whatever was said while nobody listened is lost: let everybody look again.
            while True:
                async for notice in connection.notifies(timeout=HEALTH_SECONDS):
                    for event in self._waiters.get(notice.payload, ()):
                        event.set()
                await connection.execute("SELECT 1")

    def _wake_all(self) -> None:
        for events in self._waiters.values():
            for event in events:
                event.set()


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Wakeups] = WeakKeyDictionary()


def wakeups() -> Wakeups:
    """The listener of the running event loop; a web process has exactly one."""
    return _of_loop.setdefault(asyncio.get_running_loop(), Wakeups())
