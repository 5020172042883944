"""GET /api/v1/approvals/{id}?wait=60 in front of Django: a waiting agent is a coroutine, not a thread.

Every database step borrows a thread and gives it, and its connection, back before the waiting starts. Steps of many
waiters that fall together are one step, so five hundred decisions in one commit are read in a handful of queries.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from django.conf import settings
from django.contrib.auth import get_user
from django.db import DatabaseError
from django.http import HttpRequest, QueryDict
from django.http.cookie import parse_cookie

from agents.authentication import Caller, caller_at_once, caller_from_headers, headers_in_scope
from agents.models import User
from agents.throttling import admit
from console.lib import clock
from console.lib.http import Problem
from console.lib.together import Together, in_thread
from reviews.access import uuid_of
from reviews.api.plain import PlainAnswer, Send, answer_with, document, refusal
from reviews.api.reading import Reading, read_many, wait_seconds
from reviews.api.wakeups import wakeups

logger = logging.getLogger(__name__)

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Question = tuple[Caller | None, str]
"""Who wants to know about the request of which id."""

PATH = re.compile(r"^/api/v1/approvals/([^/]+)$")
THREADS = 8
RETRY_AFTER_SECONDS = 5
BATCH_MAX = 512
"""A batch costs PostgreSQL and this process two to five milliseconds however many are in it."""

_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="approval-wait")


def handles(scope: Scope) -> bool:
    """Whether this is a read of one request that may have to wait."""
    return scope["method"] == "GET" and b"wait=" in scope["query_string"] and PATH.match(scope["path"]) is not None


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the request, as the view does, as soon as it no longer waits for a decision."""
    match = PATH.match(scope["path"])
    assert match is not None
    waiter = Waiter()
    with while_connected(receive, waiter.leave), contextlib.suppress(ClientLeft):
        answer = await or_refused(_answer(scope, match.group(1), waiter), name="approval_wait")
        if not waiter.left:
            await answer_with(send, answer)


class ClientLeft(Exception):
    """Nobody is there any more to be answered."""


class Waiter:
    """An agent that waits: what it was told last, and whether that may be out of date.

    While it waits it does nothing; whoever wakes it asks for the row on its behalf, so that it goes on only when the
    row has been read.
    """

    def __init__(self) -> None:
        self.left = False
        self._question: Question = (None, "")
        self._stale = False
        self._answer: asyncio.Future[Reading] | None = None

    async def read(self, question: Question) -> Reading:
        """The request as it is now. What is said from here on may not be in it."""
        self._question, self._stale = question, False
        return await reader().ask(question)

    async def changed(self, seconds: float) -> Reading:
        """The request as soon as it may have changed since it was read, or after so many seconds."""
        if self.left:
            raise ClientLeft
        if self._stale:
            return await self.read(self._question)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Reading] = loop.create_future()
        self._answer = answer
        timer = loop.call_later(max(seconds, 0.0), self.look)
        try:
            return await answer
        finally:
            timer.cancel()
            self._answer = None

    def look(self) -> None:
        """The request may have changed."""
        answer, self._answer = self._answer, None
        if answer is None:
            self._stale = True  # It is being read just now, perhaps too early.
        elif not answer.done():
            reader().ask_for(self._question, answer)

    def leave(self) -> None:
        """The client has gone."""
        self.left = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ClientLeft())


@contextlib.contextmanager
def while_connected(receive: Receive, leave: Callable[[], None]) -> Iterator[None]:
    """Calls `leave` when the client goes away before the block ends."""
    gone = asyncio.create_task(_disconnected(receive))
    gone.add_done_callback(lambda _task: leave())
    try:
        yield
    finally:
        gone.cancel()


T = TypeVar("T")


async def or_refused(answer: Awaitable[T], *, name: str) -> T | PlainAnswer:
    """What is answered, or the problem document that says why not: nothing above these coroutines would say it.

    Raises ClientLeft. `name` is what failures are called in the log.
    """
    try:
        return await answer
    except Problem as problem:
        return refusal(problem)
    except ClientLeft:
        raise
    except DatabaseError:
        logger.exception(f"{name}_database_error")
        away = Problem(503, "The database does not answer.", headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
        return refusal(away)
    except Exception:
        logger.exception(f"{name}_error")
        return refusal(Problem(500, "Something went wrong on our side."))


async def _answer(scope: Scope, approval_id: str, waiter: Waiter) -> PlainAnswer:
    caller = await caller_of(scope, _threads)
    reading = await settled(caller, approval_id, QueryDict(scope["query_string"]), waiter)
    if reading.problem is not None:
        raise reading.problem
    return document(200, reading.document)


async def settled(caller: Caller | None, approval_id: str, query: QueryDict, waiter: Waiter) -> Reading:
    """Reads the request until it is closed, people ask the agent something, or the wait is over."""
    question = (caller, approval_id)
    if caller is None:
        return await waiter.read(question)
    loop, listener = asyncio.get_running_loop(), wakeups()
    with listener.registered(str(uuid_of(approval_id)), waiter.look):
        await listener.ready()
        reading = await waiter.read(question)  # The row is read now; what was said before is in it.
        if reading.problem is not None:
            return reading
        give_up_at = loop.time() + wait_seconds(query)
        asked_before = reading.is_question
        while reading.open_until is not None and loop.time() < give_up_at:
            deadline_in = (reading.open_until - clock.now()).total_seconds()
            patience = listener.patience()
            for_now = min(give_up_at - loop.time(), deadline_in)
            reading = await waiter.changed(for_now if patience is None else min(for_now, patience))
            if reading.is_question and not asked_before:
                break  # Told once: an agent that has no answer waits on as before.
        return reading


_readers: WeakKeyDictionary[asyncio.AbstractEventLoop, Together[Question, Reading]] = WeakKeyDictionary()


def reader() -> Together[Question, Reading]:
    """Reads for all waiters of the running event loop."""
    loop = asyncio.get_running_loop()
    found = _readers.get(loop)
    if found is None:
        found = _readers[loop] = Together(_read_now, threads=_threads, batch_max=BATCH_MAX)
    return found


def _read_now(asked: Sequence[Question]) -> list[Reading]:
    return read_many(asked, now=clock.now())


async def caller_of(scope: Scope, threads: ThreadPoolExecutor) -> Caller | None:
    """Who asks: at once when it is an agent whose key is known, else with the help of a thread."""
    headers, address = headers_in_scope(scope), (scope.get("client") or ("",))[0]
    known = caller_at_once(headers, address, clock.now())
    return known or await in_thread(threads, lambda: _looked_up(headers, address))


def _looked_up(headers: Mapping[str, str], address: str) -> Caller | None:
    """Who asks: by a secret in the headers, else by the browser session (a read needs no CSRF token)."""
    caller = caller_from_headers(headers, address, clock.now())
    if caller is not None:
        return caller
    request = HttpRequest()
    cookies = parse_cookie(headers.get("cookie", ""))
    engine = import_module(settings.SESSION_ENGINE)
    request.session = engine.SessionStore(cookies.get(settings.SESSION_COOKIE_NAME))
    person = get_user(request)
    if not isinstance(person, User) or not person.is_active:
        return None
    caller = Caller(user=person)
    admit(caller.ident, is_person=True, now=clock.now())
    return caller


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
