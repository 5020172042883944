"""A worker that has lost its connection to the broker without noticing is made to connect again.

Where a thread of the pool meets the loss first, as it acknowledges a task, Celery logs that and goes on; with the
connection its socket has left the event loop, which then waits for nothing and takes no task any more
(https://github.com/celery/celery/issues/10205 is of one who saw it).
"""

import time
from collections.abc import Callable
from typing import Any

from celery import bootsteps

# Between connections, and while one is made, there is nothing to wait for either.
LONGEST_DEAF_SECONDS = 5.0


class Listening(bootsteps.StartStopStep):
    """Looks in every turn of the worker's event loop whether there is anything that it waits for."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._look: Callable[[], None] | None = None

    def start(self, parent: Any) -> None:
        """The consumer `parent` has connected."""
        if parent.hub is not None:
            self._look = _look(parent.hub)
            parent.hub.on_tick.add(self._look)

    def stop(self, parent: Any) -> None:
        """The consumer is about to connect anew, or to end."""
        if parent.hub is not None and self._look is not None:
            parent.hub.on_tick.discard(self._look)


def _look(hub: Any, clock: Callable[[], float] = time.monotonic) -> Callable[[], None]:
    heard = clock()

    def look() -> None:
        nonlocal heard
        if hub.readers:
            heard = clock()
        elif clock() - heard > LONGEST_DEAF_SECONDS:
            # Celery takes it as what it is, the loss of the connection.
            raise ConnectionResetError("the connection to the broker was lost")

    return look
