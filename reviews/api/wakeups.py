"""Wakes those who wait: whoever changes something tells every process, and each wakes those who wait in it."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from weakref import WeakKeyDictionary

from console.lib.notices import listener
from reviews.services.transitions import TOPIC

READY_SECONDS = 2.0
POLL_SECONDS = 1.0

Look = Callable[[], None]
"""What a waiter does when its request may have changed. It may not add or remove waiters."""


class Wakeups:
    """Those who wait in one event loop for what is said on one topic. It is told of it while anybody waits."""

    def __init__(self, topic: str = TOPIC) -> None:
        self._topic = topic
        self._loop: asyncio.AbstractEventLoop | None = None  # while anybody waits
        self._waiters: defaultdict[str, set[Look]] = defaultdict(set)
        self._connected = asyncio.Event()

    @contextlib.contextmanager
    def registered(self, word: str, look: Look) -> Iterator[None]:
        """Calls `look` whenever what the word stands for may have changed, from now until the block ends."""
        if not self._waiters:
            self._loop = asyncio.get_running_loop()
            listener.subscribe(self._topic, self)
            listener.start()
        self._waiters[word].add(look)
        try:
            yield
        finally:
            self._waiters[word].discard(look)
            if not self._waiters[word]:
                del self._waiters[word]
            if not self._waiters:
                listener.unsubscribe(self._topic, self)
                self._connected.clear()
                self._loop = None

    async def ready(self) -> None:
        """Returns once the process listens, or after two seconds: then waiters look for themselves now and then."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READY_SECONDS):  # wait_for may lose a cancellation (see reviews.api.wait).
                await self._connected.wait()

    def patience(self) -> float | None:
        """For how many seconds a waiter may rely on being woken; None for as long as it likes."""
        return None if self._connected.is_set() else POLL_SECONDS

    @property
    def waiting(self) -> int:
        """How many wait at present."""
        return sum(len(looks) for looks in self._waiters.values())

    def connected(self) -> None:
        """Whatever was said while nobody listened is lost: everybody looks again."""
        self._soon(lambda: self._turn(connected=True))

    def heard(self, words: Sequence[str]) -> None:
        """Something changed."""
        self._soon(lambda: self._wake(words))

    def lost(self) -> None:
        """Whoever relied on being woken has to look for themselves from now on."""
        self._soon(lambda: self._turn(connected=False))

    def _soon(self, step: Callable[[], None]) -> None:
        # Called by the listener's thread; what happens to waiters happens in their own.
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(lambda: step() if self._waiters else None)

    def _turn(self, *, connected: bool) -> None:
        if connected:
            self._connected.set()
        else:
            self._connected.clear()
        self._wake(self._waiters)

    def _wake(self, words: Iterable[str]) -> None:
        for word in words:
            for look in self._waiters.get(word, ()):
                look()


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Wakeups]] = WeakKeyDictionary()


def wakeups(topic: str = TOPIC) -> Wakeups:
    """Those who wait in the running event loop; unless told otherwise, for decisions."""
    topics = _of_loop.setdefault(asyncio.get_running_loop(), {})
    return topics.setdefault(topic, Wakeups(topic))
