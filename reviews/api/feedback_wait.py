"""GET /api/v1/feedback?wait=60 in front of Django: who follows the stream is a coroutine, not a thread.

The answer is what there is behind the cursor, as soon as there is anything, else nothing at the end of the wait; either
way it names the cursor to go on from. What has just been committed may have to wait for an older transaction that is
still open (see reviews.selectors.feedback): then it is looked at again shortly, for nobody tells of that one's end.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from django.http import QueryDict

from agents.access import api_project, check
from agents.authentication import Caller, headers_in_scope, still_usable
from agents.models import Project
from console.lib import clock
from console.lib.http import Problem
from console.lib.together import in_thread
from reviews.api.feedback import CONTENT_TYPE, PERMISSION, SCOPE, Asked, asked_for, lines
from reviews.api.plain import Send, answer_with
from reviews.api.reading import wait_seconds
from reviews.api.wait import ClientLeft, Receive, Scope, caller_of, or_refused, while_connected
from reviews.api.wakeups import wakeups
from reviews.models import FeedbackExample
from reviews.selectors.feedback import Position, chunk, cursor_at, has_more, settled_end
from reviews.services.feedback_news import TOPIC

PATH = "/api/v1/feedback"
THREADS = 4
SOONEST_SECONDS, LATEST_SECONDS = 0.05, 1.0
"""Between two looks at what is committed but not settled."""

_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="feedback-wait")


@dataclass(frozen=True)
class Following:
    """Somebody who follows a project's examples, and how far they are."""

    caller: Caller
    project: Project
    asked: Asked
    seconds: float


@dataclass(frozen=True)
class Look:
    """What lies behind a place: the first examples, the end up to which all is settled, and whether more will be."""

    rows: Sequence[FeedbackExample]
    end: Position
    unsettled: bool


def handles(scope: Scope) -> bool:
    """Whether this is a read of the stream that may have to wait."""
    return scope["method"] == "GET" and scope["path"] == PATH and b"wait=" in scope["query_string"]


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers as the view does, but not before there is something to answer with."""
    changed = asyncio.Event()
    left = asyncio.Event()

    def leave() -> None:
        left.set()
        changed.set()

    with while_connected(receive, leave), contextlib.suppress(ClientLeft):
        found = await or_refused(_found(scope, changed, left), name="feedback_wait")
        if left.is_set():
            return
        if isinstance(found, _Found):
            await _stream(send, found)
        else:
            await answer_with(send, found)


@dataclass(frozen=True)
class _Found:
    following: Following
    look: Look


async def _found(scope: Scope, changed: asyncio.Event, left: asyncio.Event) -> _Found:
    caller = await caller_of(scope, _threads)
    query = QueryDict(scope["query_string"])
    following = await in_thread(_threads, lambda: _begin(caller, query, headers_in_scope(scope)))
    loop, listener = asyncio.get_running_loop(), wakeups(TOPIC)
    give_up_at, pause = loop.time() + following.seconds, SOONEST_SECONDS
    with listener.registered(str(following.project.pk), changed.set):
        await listener.ready()
        while True:
            changed.clear()  # What is said from here on may not be in what is read now.
            look = await in_thread(_threads, functools.partial(_look, following))
            over = loop.time() >= give_up_at
            if look.rows or over:
                return _Found(following, look)
            following = replace(following, asked=replace(following.asked, after=max(look.end, following.asked.after)))
            pause = min(2 * pause, LATEST_SECONDS) if look.unsettled else SOONEST_SECONDS
            patience = pause if look.unsettled else listener.patience()
            for_now = give_up_at - loop.time()
            await _until(changed, for_now if patience is None else min(for_now, patience))
            if left.is_set():
                raise ClientLeft


async def _until(changed: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(max(seconds, 0.0)):
            await changed.wait()


def _begin(caller: Caller | None, query: QueryDict, headers: Mapping[str, str]) -> Following:
    """Who wants what. Raises Problem as the view does."""
    named = {"handrail-project": headers.get("handrail-project", "")}
    given = {name: str(query[name]) for name in query}
    project = api_project(caller, query=given, headers=named, scope=SCOPE, permission=PERMISSION)
    assert caller is not None, "or api_project would have refused"
    return Following(caller, project, asked_for(project, query), wait_seconds(query))


def _look(following: Following) -> Look:
    """What there is. Whoever has waited is checked again: a key that was revoked meanwhile learns nothing."""
    caller, project, asked = following.caller, following.project, following.asked
    if caller not in still_usable([caller], now=clock.now()):
        raise Problem(401, "The key or token is not valid any more.")
    check(caller, project, scope=SCOPE, permission=PERMISSION)
    end = settled_end(project)
    rows = chunk(project, after=asked.after, end=end, filters=asked.filters) if end > asked.after else []
    return Look(rows, end, unsettled=not rows and has_more(project, after=max(end, asked.after)))


async def _stream(send: Send, found: _Found) -> None:
    following, rows, end = found.following, found.look.rows, found.look.end
    cursor = cursor_at(max(end, following.asked.after))
    headers = {"content-type": CONTENT_TYPE, "cache-control": "no-store", "handrail-cursor": cursor}
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 200, "headers": encoded})
    asked = following.asked
    while rows:
        await send({"type": "http.response.body", "body": lines(rows, names=asked.names), "more_body": True})
        after = Position(rows[-1].transaction, rows[-1].pk)
        rest = functools.partial(chunk, following.project, after=after, end=end, filters=asked.filters)
        rows = await in_thread(_threads, rest)
    await send({"type": "http.response.body", "body": b""})
