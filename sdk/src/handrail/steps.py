"""One flow of steps for both kinds of caller: those who block, and those who await.

A step is called with the client, a blocking one or an awaitable one; its result, or what it raised, comes back into
the flow. So what belongs around a framework or a function is written once.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from handrail.approvals import Approval, JsonObject
from handrail.client import AsyncHandrail, Handrail
from handrail.errors import ApprovalRejected, words_of
from handrail.tracing import current_conversation

if TYPE_CHECKING:
    from handrail.options import OutcomeStatus, RequestOptions

Steps = Generator[Callable[[Any], Any], Any, Any]

_default_client: Handrail | None = None
_default_client_lock = threading.Lock()
_log = logging.getLogger("handrail")


def block_on(steps: Steps, given: Handrail | None) -> Any:
    """Carry the steps out with a blocking client, the environment's when none is given; returns what they return."""
    client = given or default_client()
    exhausted: StopIteration | None = None
    try:
        step = next(steps)
        while True:
            try:
                result = step(client)
            except BaseException as error:  # noqa: PERF203 - each step's own end goes back into the flow
                exhausted = error if isinstance(error, StopIteration) else exhausted
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration as end:
        return end.value
    except RuntimeError as error:
        # A generator cannot let the function's own StopIteration through; the caller gets it all the same.
        if exhausted is not None and error.__cause__ is exhausted:
            raise exhausted from None
        raise


async def await_on(steps: Steps, given: AsyncHandrail | None) -> Any:
    """`block_on` with an awaitable client."""
    if given is not None:
        return await _await_on(steps, given)
    # A client made here belongs to this call's event loop, so it cannot be shared between calls.
    async with AsyncHandrail() as client:
        return await _await_on(steps, client)


async def _await_on(steps: Steps, client: AsyncHandrail) -> Any:
    try:
        step = next(steps)
        while True:
            try:
                result = await step(client)
            except BaseException as error:  # noqa: PERF203 - each step's own end goes back into the flow
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration as end:
        return end.value


def once(options: RequestOptions, *ids: str) -> RequestOptions:
    """The options with a key by which the same question of the same session is one request, also after a restart.

    ids: what the framework knows the question by. They may be the same in another session, so without one each request
    is its own.
    """
    session = options.get("session_id") or current_conversation()[0]
    if not session or options.get("idempotency_key"):
        return options
    return {**options, "idempotency_key": hashlib.sha256(json.dumps([session, *ids]).encode()).hexdigest()}


def ruled(requested: Approval) -> Steps:
    """Wait for the verdict, a rejection as well: returns the approval. Raises for the ends that nobody decided."""
    try:
        return (yield lambda client: client.wait(requested))
    except ApprovalRejected as rejection:
        return rejection.approval


def record(approval: Approval, status: OutcomeStatus, detail: JsonObject) -> Steps:
    """Record an outcome. Raises nothing: the action has happened, and its result must not be lost because the note
    about it could not be written, whatever the cause (the server is away, the client was closed meanwhile)."""
    try:
        yield lambda client: client.record_outcome(approval, status, detail)
    except Exception as error:
        _log.warning("The outcome of approval %s was not recorded: %r", approval.id, error)


def failure(error: Exception) -> JsonObject:
    """What an outcome says of an exception."""
    return {"error": {"type": type(error).__qualname__, "message": words_of(error)[:500]}}


def default_client() -> Handrail:
    """The blocking client made from the environment, once per process."""
    global _default_client
    with _default_client_lock:
        if _default_client is None:
            _default_client = Handrail()
        return _default_client
