"""News that follow each other closely are handed on together, at most ten times a second.

What is handed on says only that something changed, and how much there is now, and browsers hear no more often in any
case (`console.lib.live`). To find out and to send it for each of three hundred requests a second would cost more than
to write them. What comes after a quiet time is handed on at once; whoever brings it never waits for that.

Hundreds of news at once are one act on hundreds of requests, whose agents are being answered just then: a crowd of news
waits until that is done.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Generic, TypeVar

from django.db import connections

logger = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

INTERVAL_SECONDS = 0.1
CROWD = 50
"""So many news of one process that come before any of them is handed on are of one act on many things."""

CROWD_SECONDS = 0.1
"""For how long a crowd waits: as long as five hundred answers may take."""

_started = threading.Event()


def start() -> None:
    """From now on this process gathers. One that does not, as a worker's, hands everything on at once."""
    _started.set()


def stop() -> None:
    """From now on everything is handed on at once again."""
    _started.clear()


class Gathering(Generic[K, V]):
    """News by what they are about; of each thing only the latest counts. `hand_on` may ask the database."""

    def __init__(
        self,
        hand_on: Callable[[Mapping[K, V]], None],
        *,
        name: str,
        interval_seconds: float = INTERVAL_SECONDS,
    ) -> None:
        self._hand_on = hand_on
        self._name = name
        self._interval = interval_seconds
        self._changed = threading.Condition()
        self._held: dict[K, V] = {}
        self._came = 0
        self._thread: threading.Thread | None = None

    def add(self, news: Mapping[K, V]) -> None:
        """Sees to it that news are handed on. Never raises in a process that gathers."""
        if not _started.is_set():
            self._hand_on(news)
            return
        with self._changed:
            is_first = not self._held
            self._held.update(news)
            self._came += len(news)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()
            if is_first:  # the rest is met with it
                self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._held)
                many = self._came > CROWD
            if many:
                time.sleep(CROWD_SECONDS)
            with self._changed:
                held, self._held, self._came = self._held, {}, 0
            began = time.monotonic()
            try:
                self._hand_on(held)
            except Exception:
                logger.exception("news_not_handed_on", extra={"gathering": self._name})
            finally:
                connections.close_all()
            time.sleep(max(began + self._interval - time.monotonic(), 0))
