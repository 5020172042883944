"""POST /api/v1/approvals in front of Django: requests of agents that arrive together are written together.

This is the short way for what is usual: a key that is known, a body that is valid, an Idempotency-Key that is new. It
gives the answer that the view would give, after one transaction for the whole batch. Everything else, refusals
included, is left to the view, so that there is one place that says what is wrong.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from django.db import transaction
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import JSONRenderer

from agents.api.base import ApiView
from agents.api.idempotency import Keyed, claim, fill, is_good_key, release
from agents.authentication import Caller, caller_at_once, caller_from_headers, headers_in_scope, secret_in
from agents.models import Project, api_key
from agents.permissions import Scope
from console.lib import clock
from console.lib.http import Problem
from console.lib.together import Together, in_thread
from reviews.api.parsers import ExactJsonParser
from reviews.api.plain import Send, answer_with, document, refusal
from reviews.api.reading import documents_of
from reviews.api.refusing import not_allowed
from reviews.models import Approval
from reviews.policy.timing import NotAllowed
from reviews.serializers.requests import RequestSerializer, draft_of
from reviews.services.requests import Asked, RequestDraft, create_requests

logger = logging.getLogger(__name__)

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

PATH = "/api/v1/approvals"
BATCH_MAX = 100
RETRY_AFTER_SECONDS = 5
AWAY = Problem(503, "The database does not answer.", headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
Answer = bytes | Problem | None
"""The document of a request that is stored, a refusal, or None for what the view has to look at."""

# One for all: it keeps nothing of what it validates, and making one costs more than validating.
_serializer = RequestSerializer()
_renderer = JSONRenderer()
_threads = ThreadPoolExecutor(2, thread_name_prefix="approval-intake")


@dataclass(frozen=True)
class Sent:
    """What an agent has sent. `key` None means that no Idempotency-Key came with it."""

    caller: Caller
    key: str | None
    body: bytes


class CommitUnknown(Exception):
    """Whether the transaction was committed is not known."""


class Intake:
    """ASGI wrapper around whoever serves the view."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        headers = headers_in_scope(scope) if scope["type"] == "http" and scope["path"] == PATH else {}
        caller = await _caller(scope, headers) if _is_usual(scope, headers) else None
        if caller is None:
            await self._app(scope, receive, send)
            return
        messages = await _all_of(receive)
        body = b"".join(message.get("body", b"") for message in messages)
        answer: Answer = None
        if messages[-1]["type"] == "http.request":
            answer = await _together().ask(Sent(caller, headers.get("idempotency-key"), body))
        if answer is None:
            await self._app(scope, _again(messages, receive), send)
        else:
            await answer_with(send, refusal(answer) if isinstance(answer, Problem) else document(201, answer))


def _is_usual(scope: Message, headers: Mapping[str, str]) -> bool:
    """Whether this looks like a request that needs no explanations."""
    length = headers.get("content-length", "")
    return (
        bool(headers)
        and scope["method"] == "POST"
        and length.isdigit()
        and 0 < int(length[:19]) <= ApiView.body_limit
        and headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
        and (secret_in(headers) or "").startswith(api_key.PREFIX)
        and is_good_key(headers.get("idempotency-key", "-"))
    )


async def _caller(scope: Message, headers: Mapping[str, str]) -> Caller | None:
    """The agent, if it may make requests. None where the view has to say why not."""
    address, now = (scope.get("client") or ("",))[0], clock.now()
    try:
        caller = caller_at_once(headers, address, now)
        if caller is None:
            caller = await in_thread(_threads, lambda: caller_from_headers(headers, address, now))
    except Problem:
        return None
    return caller if caller and caller.key and Scope.APPROVALS_REQUEST in caller.key.scopes else None


async def _all_of(receive: Receive) -> list[Message]:
    """The messages that a body came in; the last one says so when the client left before its end."""
    messages = [await receive()]
    while messages[-1]["type"] == "http.request" and messages[-1].get("more_body", False):
        messages.append(await receive())
    return messages


def _again(messages: Sequence[Message], receive: Receive) -> Receive:
    """Gives messages that were received once more, and then those that follow."""
    left = list(messages)

    async def receive_again() -> Message:
        return left.pop(0) if left else await receive()

    return receive_again


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Together[Sent, Answer]] = WeakKeyDictionary()


def _together() -> Together[Sent, Answer]:
    loop = asyncio.get_running_loop()
    return _of_loop.setdefault(loop, Together(write_all, threads=_threads, batch_max=BATCH_MAX))


def write_all(batch: Sequence[Sent]) -> list[Answer]:
    """The answer to each of some requests, which are then stored; None for those that the view has to look at."""
    drafts = [_draft(sent.body) for sent in batch]
    usual = [place for place, draft in enumerate(drafts) if draft is not None]
    answers: list[Answer] = [None] * len(batch)
    asked = [(batch[place], draft) for place in usual if (draft := drafts[place])]
    try:
        written = _write(asked)
    except CommitUnknown:
        # The key tells the view whether it is stored; without one, asking again might store it twice.
        logger.exception("approval_batch_unknown")
        written = [None if sent.key else AWAY for sent, _draft in asked]
    except Exception:
        # Nothing of the batch is stored. The view takes them one by one, and whichever is to blame fails alone.
        logger.warning("approval_batch_refused", exc_info=True)
        return answers
    for place, answer in zip(usual, written, strict=True):
        answers[place] = answer
    return answers


def _draft(body: bytes) -> RequestDraft | None:
    try:
        return draft_of(_serializer.run_validation(ExactJsonParser().parse(io.BytesIO(body))))
    except (Problem, ValidationError):
        return None
    except Exception:
        # One body that upsets the reader must not take the others of its batch along: the view meets it alone.
        logger.warning("approval_unreadable", exc_info=True)
        return None


def _write(asked: Sequence[tuple[Sent, RequestDraft]]) -> list[Answer]:
    """Stores those that are new in one transaction. Raises CommitUnknown when the database went away at its end."""
    now, answers = clock.now(), dict[int, Answer]()
    complete = False
    try:
        with transaction.atomic():
            keyed = [_keyed(sent) for sent, _draft in asked]
            claimed = claim([one for one in keyed if one], now=now)
            first = {one: place for place, one in reversed(list(enumerate(keyed)))}
            new = [place for place, one in enumerate(keyed) if one is None or (one in claimed and first[one] == place)]
            drafts = [Asked(project=_project(sent), by=sent.caller, draft=draft) for sent, draft in asked]
            found = dict(zip(new, create_requests(asked=[drafts[place] for place in new], now=now), strict=True))
            answers |= {place: not_allowed(one) for place, one in found.items() if isinstance(one, NotAllowed)}
            refused = [claimed[one] for place in answers if (one := keyed[place])]
            if refused:
                release(refused)
            made = {place: one for place, one in found.items() if isinstance(one, Approval)}
            documents = dict(zip(made, map(_renderer.render, documents_of(list(made.values()), now=now)), strict=True))
            fill({claimed[one]: (201, document) for place, document in documents.items() if (one := keyed[place])})
            answers |= documents
            complete = True
    except Exception as error:
        if complete:
            raise CommitUnknown from error
        raise
    return [answers.get(place) for place in range(len(asked))]


def _keyed(sent: Sent) -> Keyed | None:
    if sent.key is None:
        return None
    return Keyed(_project(sent).pk, sent.caller.ident, PATH, sent.key, hashlib.sha256(sent.body).digest())


def _project(sent: Sent) -> Project:
    assert sent.caller.key is not None
    return sent.caller.key.project
