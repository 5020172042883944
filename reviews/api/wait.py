"""GET /api/v1/approvals/{id}?wait=60 in front of Django: a waiting agent is a coroutine, not a thread.

Every database step borrows a thread and gives it, and its connection, back before the waiting starts. Steps of many
waiters that fall together are one step, so five hundred decisions in one commit are read in a handful of queries.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings
from django.contrib.auth import get_user
from django.db import DatabaseError
from django.http import HttpRequest, QueryDict
from django.http.cookie import parse_cookie
from rest_framework.renderers import JSONRenderer

from agents.authentication import Caller, caller_from_headers, headers_in_scope
from agents.models import User
from agents.throttling import admit
from console.lib import clock
from console.lib.http import Problem
from console.lib.together import Together, in_thread
from reviews.access import uuid_of
from reviews.api.plain import PlainAnswer, Send, answer_with, document, refusal
from reviews.api.reading import Reading, read_many, wait_seconds
from reviews.api.wakeups import Wakeups, wakeups

logger = logging.getLogger(__name__)

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Question = tuple[Caller | None, str]
"""Who wants to know about the request of which id."""

PATH = re.compile(r"^/api/v1/approvals/([^/]+)$")
THREADS = 8
RETRY_AFTER_SECONDS = 5
BATCH_MAX = 500

_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="approval-wait")


def handles(scope: Scope) -> bool:
    """Whether this is a read of one request that may have to wait."""
    return scope["method"] == "GET" and b"wait=" in scope["query_string"] and PATH.match(scope["path"]) is not None


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the request, as the view does, as soon as it no longer waits for a decision."""
    match = PATH.match(scope["path"])
    assert match is not None
    query = QueryDict(scope["query_string"])
    gone = asyncio.ensure_future(_disconnected(receive))
    answer = asyncio.ensure_future(_answer(scope, match.group(1), query))
    try:
        await asyncio.wait({gone, answer}, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            await answer_with(send, answer.result())
    finally:
        gone.cancel()
        answer.cancel()


async def _answer(scope: Scope, approval_id: str, query: QueryDict) -> PlainAnswer:
    try:
        caller = await in_thread(_threads, lambda: _caller_of(scope))
        reading = await _settled(caller, approval_id, query)
        if reading.problem is not None:
            raise reading.problem
        return document(200, JSONRenderer().render(reading.document))
    except Problem as problem:
        return refusal(problem)
    except DatabaseError:
        logger.exception("approval_wait_database_error")
        away = Problem(503, "The database does not answer.", headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
        return refusal(away)
    except Exception:  # Nothing above this coroutine would answer.
        logger.exception("approval_wait_error")
        return refusal(Problem(500, "Something went wrong on our side."))


async def _settled(caller: Caller | None, approval_id: str, query: QueryDict) -> Reading:
    """Reads the request until it is closed, people ask the agent something, or the wait is over."""
    if caller is None:
        return await reader().ask((None, approval_id))
    loop, listener = asyncio.get_running_loop(), wakeups()
    key = uuid_of(approval_id)
    with listener.registered(str(key)) as woken:
        await listener.ready()
        woken.clear()  # The row is read now; what was said before is in it.
        reading = await reader().ask((caller, approval_id))
        if reading.problem is not None:
            return reading
        give_up_at = loop.time() + wait_seconds(query)
        asked_before = reading.is_question
        while reading.open_until is not None and loop.time() < give_up_at:
            deadline_in = (reading.open_until - clock.now()).total_seconds()
            await _woken(woken, listener, min(give_up_at - loop.time(), max(deadline_in, 0.0)))
            reading = await reader().ask((caller, approval_id))
            if reading.is_question and not asked_before:
                break  # Told once: an agent that has no answer waits on as before.
        return reading


async def _woken(event: asyncio.Event, listener: Wakeups, seconds: float) -> None:
    """Waits for the event, but no longer than it is safe to rely on it."""
    patience = listener.patience()
    try:
        # Not wait_for: until Python 3.12 it forgets that the client has left when the event is set at that moment.
        async with asyncio.timeout(seconds if patience is None else min(seconds, patience)):
            await event.wait()
    except TimeoutError:
        return
    event.clear()


_readers: WeakKeyDictionary[asyncio.AbstractEventLoop, Together[Question, Reading]] = WeakKeyDictionary()


def reader() -> Together[Question, Reading]:
    """Reads for all waiters of the running event loop."""
    loop = asyncio.get_running_loop()
    return _readers.setdefault(loop, Together(_read_now, threads=_threads, batch_max=BATCH_MAX))


def _read_now(asked: Sequence[Question]) -> list[Reading]:
    return read_many(asked, now=clock.now())


def _caller_of(scope: Scope) -> Caller | None:
    """Who asks: by a secret in the headers, else by the browser session (a read needs no CSRF token)."""
    headers = headers_in_scope(scope)
    address = (scope.get("client") or ("",))[0]
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
