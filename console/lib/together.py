"""Work that falls together is done together: while one batch is being worked on, the next one gathers.

Nobody waits for company: what comes alone is a batch of one. The busier the process, the larger the batches and the
less each piece of work costs.
"""

import asyncio
import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from django.db import connections

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")
T = TypeVar("T")


class Together(Generic[Ask, Answer]):
    """The work of one event loop. `step` runs in a thread of `threads` and gives one answer for each, in order."""

    def __init__(
        self, step: Callable[[Sequence[Ask]], Sequence[Answer]], *, threads: ThreadPoolExecutor, batch_max: int
    ) -> None:
        self._step = step
        self._threads = threads
        self._batch_max = batch_max
        self._asked: list[tuple[Ask, asyncio.Future[Answer]]] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, one: Ask) -> Answer:
        """The answer to one; raises what `step` raised for the batch that it was in."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.ask_for(one, answer)
        return await answer

    def ask_for(self, one: Ask, answer: asyncio.Future[Answer]) -> None:
        """As `ask`, for somebody who waits for `answer` already."""
        self._asked.append((one, answer))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work(), name="together")

    async def _work(self) -> None:
        while self._asked:
            batch, self._asked = self._asked[: self._batch_max], self._asked[self._batch_max :]
            try:
                asked = [one for one, _answer in batch]
                answers = await in_thread(self._threads, functools.partial(self._step, asked))
            except Exception as error:
                for _one, answer in batch:
                    if not answer.done():
                        answer.set_exception(error)
                continue
            for (_one, answer), found in zip(batch, answers, strict=True):
                if not answer.done():
                    answer.set_result(found)


async def in_thread(threads: ThreadPoolExecutor, step: Callable[[], T]) -> T:
    """Runs a step that asks the database; its connection goes back to the pool when it is done."""

    def borrowed() -> T:
        try:
            return step()
        finally:
            connections.close_all()

    return await asyncio.get_running_loop().run_in_executor(threads, borrowed)
