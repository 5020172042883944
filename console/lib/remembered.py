"""What a process has read a moment ago and need not read again, until somebody says that it changed.

Everything is remembered for a few seconds at most, and only while this process hears of changes: whoever changes
something calls `changed` in the same transaction, and every process then forgets all that it knew of the topic.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from django.db import transaction

from console.lib import notices

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MOST = 10_000


class Remembered(Generic[K, V]):
    """Values by key. They are shared by threads, and nobody may change them."""

    def __init__(self, topic: str, *, life_seconds: float) -> None:
        self.life_seconds = life_seconds
        self._topic = topic
        self._lock = threading.Lock()
        self._known: dict[K, tuple[float, V]] = {}
        self._listening = False
        self._edition = 0
        notices.listener.subscribe(topic, self)

    def changed(self) -> None:
        """Makes every process forget, once the caller's transaction has committed."""
        notices.send(self._topic, [""])
        transaction.on_commit(lambda: self._forget(listening=self._listening))

    @property
    def edition(self) -> int:
        """Changes with every change: to be read before the database is, and given to `keep`."""
        return self._edition

    def find(self, key: K) -> V | None:
        """What was read a few seconds ago, or None."""
        known = self._known.get(key)
        return known[1] if known is not None and time.monotonic() < known[0] else None

    def keep(self, key: K, value: V, *, edition: int) -> None:
        """Remembers, unless something changed since `edition`: what was read may be what was there before it."""
        with self._lock:
            if not self._listening or edition != self._edition:
                return
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[key] = (time.monotonic() + self.life_seconds, value)

    def get(self, key: K, read: Callable[[], V]) -> V:
        """What is known, else what `read` finds."""
        found = self.find(key)
        if found is None:
            edition = self._edition
            found = read()
            self.keep(key, found, edition=edition)
        return found

    def connected(self) -> None:
        """From now on changes are heard of."""
        self._forget(listening=True)

    def heard(self, words: Sequence[str]) -> None:
        """Something changed. What does not matter: it happens a few times a day."""
        self._forget(listening=True)

    def lost(self) -> None:
        """Changes may be missed: nothing is remembered until they are heard of again."""
        self._forget(listening=False)

    def _forget(self, *, listening: bool) -> None:
        with self._lock:
            self._edition += 1
            self._listening = listening
            self._known.clear()
