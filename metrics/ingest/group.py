"""Few writers per process: batches that wait while others are being committed share the next transaction.

A commit waits for the disk however little it holds, and a transaction costs the same few milliseconds. So the more
requests come at once, the more of them a commit answers, and none waits for long.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from django.db import InterfaceError, OperationalError, close_old_connections

logger = logging.getLogger(__name__)

# How long a group waits for batches that are being decoded: for the next one or two, as a rule.
LINGER_SECONDS = 0.02
# How long a writer keeps its connection for batches that are being decoded.
KEPT_SECONDS = 1.0

Batch = TypeVar("Batch")
Result = TypeVar("Result")


class GroupWriter(Generic[Batch, Result]):
    """Threads that commit batches in groups. `commit` stores some batches in one transaction, all of them or none."""

    def __init__(
        self,
        commit: Callable[[Sequence[Batch]], Sequence[Result]],
        *,
        size: Callable[[Batch], int],
        most: int,
        writers: int = 1,
    ) -> None:
        """`size` of a batch in rows; a group that has reached `most` rows takes no further batch."""
        self._commit = commit
        self._size = size
        self._most = most
        self._writers = writers
        self._waiting: SimpleQueue[tuple[Batch, Future[Result]]] = SimpleQueue()
        self._start = threading.Lock()
        self._coming = 0
        self._threads: list[threading.Thread] = []

    @contextmanager
    def coming(self) -> Iterator[None]:
        """Announces a batch that will be handed over: a group waits a moment for it."""
        with self._start:
            self._coming += 1
        try:
            yield
        finally:
            with self._start:
                self._coming -= 1

    def submit(self, batch: Batch) -> "Future[Result]":
        """Hands a batch over; the future has its result once it is on disk, or the error that kept it off."""
        future: Future[Result] = Future()
        future.set_running_or_notify_cancel()  # whoever stops waiting does not take it back
        self._waiting.put((batch, future))
        if not self._threads:
            with self._start:
                while len(self._threads) < self._writers:
                    thread = threading.Thread(target=self._run, name="group-writer", daemon=True)
                    self._threads.append(thread)
                    thread.start()
        return future

    def _run(self) -> None:
        while True:
            self._store(self._group())

    def _group(self) -> list[tuple[Batch, "Future[Result]"]]:
        """The next batch, and those that wait behind it as far as they fit."""
        group = [self._first()]
        rows = self._size(group[0][0])
        until = time.monotonic() + LINGER_SECONDS
        while rows < self._most:
            try:
                group.append(self._waiting.get(timeout=max(until - time.monotonic(), 0) if self._coming else 0))
            except Empty:
                break
            rows += self._size(group[-1][0])
        return group

    def _first(self) -> tuple[Batch, "Future[Result]"]:
        try:
            return self._waiting.get(timeout=KEPT_SECONDS)
        except Empty:
            close_old_connections()  # what was expected has not come
            return self._waiting.get()

    def _store(self, group: Sequence[tuple[Batch, "Future[Result]"]]) -> None:
        try:
            results = self._commit([batch for batch, _ in group])
        except Exception as error:
            close_old_connections()  # the connection may be what is broken
            if len(group) == 1 or isinstance(error, OperationalError | InterfaceError):
                # The database is away or full: asking for each batch again would keep everybody waiting.
                for _, future in group:
                    future.set_exception(error)
            else:
                logger.warning("a group of batches failed and is stored one by one", exc_info=error)
                for one in group:
                    self._store([one])
        else:
            # Whoever is about to write again keeps its connection: to take one from the pool costs two questions.
            if not self._coming and self._waiting.empty():
                close_old_connections()
            for (_, future), result in zip(group, results, strict=True):
                future.set_result(result)
