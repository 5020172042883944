"""What both clients do, without doing any of it: generators that yield effects and receive their results.

A flow yields `Send`, `Pause`, `OpenStream`, `NextLine` or `Emit`; a driver (see `client`) carries each one out, by
blocking or by awaiting, and sends the result back in. So retries, waiting and resuming exist once, and tests can run
them without a network or a clock.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from math import ceil
from typing import Any, NoReturn, TypeVar

from handrail import wire
from handrail.approvals import Approval, parse_approval
from handrail.errors import HandrailError, ReceiptRefused, Unreachable, WaitTimeout, from_problem
from handrail.examples import parse_example
from handrail.fallback import Fallback
from handrail.options import KEY_IN_METADATA, Asking
from handrail.receipts import arguments_hash
from handrail.retry import RetryPolicy, is_transient, parse_retry_after
from handrail.wire import Request, Response, TransportFailure

LONGEST_POLL_SECONDS = 60
CURSOR_HEADER = "handrail-cursor"


@dataclass(frozen=True, slots=True)
class Send:
    """Send the request; the result is a Response or a TransportFailure."""

    request: Request


@dataclass(frozen=True, slots=True)
class Pause:
    """Let time pass; the result is None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class OpenStream:
    """Send the request, leaving a good answer's body unread; closes the stream opened before.

    The result is a Response (with its body only when the status is not 200) or a TransportFailure.
    """

    request: Request


@dataclass(frozen=True, slots=True)
class NextLine:
    """Read one line of the open stream; the result is a str, None at its end, or a TransportFailure."""


@dataclass(frozen=True, slots=True)
class Emit:
    """Hand something to the caller (an example, an entry of a list); the result is None."""

    value: Any


Effect = Send | Pause | OpenStream | NextLine | Emit
Result = Response | TransportFailure | str | None
T = TypeVar("T")
Flow = Generator[Effect, Any, T]


@dataclass(slots=True)
class Outage:
    """Failures in a row of one call, and whether to bear another one.

    now: a monotonic clock in seconds.
    """

    policy: RetryPolicy
    patience_seconds: float
    what: str
    now: Callable[[], float] = time.monotonic
    rng: random.Random = field(default_factory=random.Random)
    _failures: int = 0
    _since: float = 0.0

    def over(self) -> None:
        """The server answered: the next failure begins a new outage."""
        self._failures = 0

    def pause_after(self, failure: Response | TransportFailure) -> float:
        """Seconds to pause before the next try. Raises Unreachable when that would be longer than patience lasts."""
        if self._failures == 0:
            self._since = self.now()
        self._failures += 1
        retry_after = None
        if isinstance(failure, Response):
            retry_after = parse_retry_after(failure.headers, datetime.now(timezone.utc))
        seconds = self.policy.pause(self._failures, retry_after, self.rng)
        if self.now() + seconds - self._since > self.patience_seconds:
            self._give_up(failure)
        return seconds

    def _give_up(self, failure: Response | TransportFailure) -> NoReturn:
        tries = f"{self._failures} {'try' if self._failures == 1 else 'tries'}"
        if isinstance(failure, TransportFailure):
            raise Unreachable(f"{self.what}: no answer after {tries}: {failure.reason}")
        problem = from_problem(failure.status, failure.body, what=self.what)
        raise Unreachable(
            f"{problem}; gave up after {tries}",
            status=failure.status,
            title=problem.title,
            detail=problem.detail,
            errors=problem.errors,
            extra=problem.extra,
        )


def call(request: Request, policy: RetryPolicy) -> Flow[Any]:
    """Send a request until it is answered, and return the JSON of a good answer."""
    outage = Outage(policy, policy.patience_seconds, request.what)
    while True:
        result: Response | TransportFailure = yield Send(request)
        if not is_transient(result):
            return answer_of(request, result)
        yield Pause(outage.pause_after(result))


def ask(asking: Asking, policy: RetryPolicy) -> Flow[Any]:
    """Ask for approval, once for its key; returns the JSON of the request, also one decided by its fallback."""
    try:
        return (yield from (_ask_once(asking, policy) if asking.key else call(wire.create(asking.fields), policy)))
    except Unreachable as error:
        return asking.fallback.decide(error, asking.fields)


def _ask_once(asking: Asking, policy: RetryPolicy) -> Flow[Any]:
    found = yield from _find(asking, policy)
    if found and found[0]["status"] not in ("expired", "cancelled"):
        return _same_request(asking, found[0])
    # What ended undecided may be asked again, under a key of its own.
    key = f"{asking.key}#{len(found)}" if found else asking.key
    try:
        return (yield from call(wire.create(asking.fields, key), policy))
    except HandrailError as error:
        # Somebody asked with this key in the same moment, from another place in the trace.
        if error.status != 422 or "Idempotency-Key" not in error.errors:
            raise
        now_found = yield from _find(asking, policy)
        if len(now_found) <= len(found):
            raise
        return _same_request(asking, now_found[0])


def _same_request(asking: Asking, found: Any) -> Any:
    """What was found under the key, if it is for the same actions: what people said of others says nothing of these."""
    wanted = asking.fields.get("actions") or [asking.fields]
    items = found.get("items") or [found]
    if [_what(each) for each in wanted] != [_what(each) for each in items]:
        raise HandrailError(f"idempotency_key {asking.key!r} was used for another request, {found['id']}", status=422)
    return found


def _what(action: Mapping[str, Any]) -> tuple[Any, str]:
    return action.get("action"), arguments_hash(action.get("arguments") or {})


def _find(asking: Asking, policy: RetryPolicy) -> Flow[list[Any]]:
    """The requests made for the key, newest first. The server forgets keys after a day, but not its requests."""
    if not asking.session_id:
        return []
    found = []
    request: Request | None = wire.listing("/api/v1/approvals", {"session_id": asking.session_id, "limit": 100})
    while request is not None:
        page = yield from call(request, policy)
        found += [each for each in page["results"] if (each.get("metadata") or {}).get(KEY_IN_METADATA) == asking.key]
        request = wire.following(page["next"]) if page.get("next") else None
    return found


def settle(approval: Approval, timeout: float | None, fallback: Fallback, policy: RetryPolicy) -> Flow[Approval]:
    """Wait for a request that is at hand (see `wait`), or let its fallback decide when the server stays away."""
    if approval.decided_here:
        approval.raise_if_denied()
        return approval
    try:
        return (yield from wait(approval.id, timeout, policy))
    except Unreachable as error:
        known = approval.raw or {"id": approval.id, "action": approval.action, "arguments": approval.arguments}
        decided = parse_approval(fallback.decide(error, known))
        decided.raise_if_denied()
        return decided


def entries(request: Request, policy: RetryPolicy) -> Flow[None]:
    """Emit every entry of a list, page after page."""
    following: Request | None = request
    while following is not None:
        page = yield from call(following, policy)
        for entry in page["results"]:
            yield Emit(entry)
        following = wire.following(page["next"]) if page.get("next") else None


def consume(request: Request, policy: RetryPolicy) -> Flow[Approval]:
    """Use a receipt up; returns the approval. Raises ReceiptRefused when the server says why nothing may run."""
    try:
        return parse_approval((yield from call(request, policy)))
    except HandrailError as error:
        refusal = error.extra.get("refusal")
        if error.status != 409 or not isinstance(refusal, str):
            raise
        raise ReceiptRefused(str(error), refusal=refusal, status=409, extra=error.extra) from error


def wait(
    approval_id: str, timeout: float | None, policy: RetryPolicy, now: Callable[[], float] = time.monotonic
) -> Flow[Approval]:
    """Poll until the approval is decided; returns it approved, answered or mixed, raises when it was denied.

    timeout: seconds, None to wait as long as the request is open. Raises WaitTimeout when it passes, and Unreachable
    after an unbroken outage of `policy.wait_patience_seconds`.
    """
    deadline = None if timeout is None else now() + timeout
    outage = Outage(policy, policy.wait_patience_seconds, f"waiting for approval {approval_id}", now)
    while True:
        seconds = LONGEST_POLL_SECONDS if deadline is None else _poll_seconds(deadline - now())
        request = wire.long_poll(approval_id, seconds)
        asked_at = now()
        result: Response | TransportFailure = yield Send(request)
        if is_transient(result):
            pause = outage.pause_after(result)
            if deadline is not None and now() + pause > deadline:
                raise Unreachable(f"{outage.what}: no answer before the timeout of {timeout:g} s")
            yield Pause(pause)
            continue
        outage.over()
        approval = parse_approval(answer_of(request, result))
        if not approval.is_open:
            approval.raise_if_denied()
            return approval
        if deadline is not None and now() >= deadline:
            raise WaitTimeout(approval)
        if now() - asked_at < 1.0:
            # A poll that ends at once (a server on its way down, a proxy in between) must not become a busy loop.
            yield Pause(1.0 if deadline is None else max(0.0, min(1.0, deadline - now())))


def feedback(
    filters: Mapping[str, Any],
    cursor: str,
    policy: RetryPolicy,
    now: Callable[[], float] = time.monotonic,
    *,
    follow: bool = False,
) -> Flow[None]:
    """Emit every example after `cursor`, resuming after the last whole line when the stream breaks.

    follow: go on for ever with those that come; the server holds each request until there is one.
    """
    outage = Outage(policy, policy.wait_patience_seconds, "GET /api/v1/feedback", now)
    asked = {**filters, "wait": LONGEST_POLL_SECONDS} if follow else filters
    while True:
        request = wire.feedback(asked, cursor)
        began = now()
        result: Response | TransportFailure = yield OpenStream(request)
        if isinstance(result, Response) and not is_transient(result):
            if result.status != 200:
                raise from_problem(result.status, result.body, what=request.what)
            start = cursor
            cursor, failure = yield from _lines(cursor)
            if cursor != start or failure is None:
                outage.over()
            if failure is None and not follow:
                return
            if failure is None:
                # Filters may have left out all there was, and the next time it need not be read again.
                cursor = result.headers.get(CURSOR_HEADER, cursor) if cursor == start else cursor
                if cursor == start and now() - began < 1.0:
                    yield Pause(1.0)
                continue
            result = failure
        yield Pause(outage.pause_after(result))


def _lines(cursor: str) -> Flow[tuple[str, TransportFailure | None]]:
    """Emit the open stream's examples; returns the last cursor, and what broke the stream, if anything did."""
    while True:
        line: str | TransportFailure | None = yield NextLine()
        if line is None or isinstance(line, TransportFailure):
            return cursor, line
        if not line.strip():
            continue
        try:
            data = json.loads(line)
        except ValueError:
            return cursor, TransportFailure("the stream was cut off within a line")
        example = parse_example(data)
        yield Emit(example)
        cursor = example.cursor or cursor


def answer_of(request: Request, result: Response | TransportFailure) -> Any:
    """The JSON of a good answer. Raises HandrailError for every other one."""
    assert isinstance(result, Response)
    if not 200 <= result.status < 300:
        raise from_problem(result.status, result.body, what=request.what)
    try:
        return json.loads(result.body) if result.body else None
    except ValueError as error:
        raise HandrailError(
            f"{request.what}: the answer is not JSON; is the address right?", status=result.status
        ) from error


def _poll_seconds(remaining: float) -> int:
    """Whole seconds to ask the server to wait: rounded up, because a rounded-down poll would spin at the end."""
    return max(0, min(LONGEST_POLL_SECONDS, ceil(remaining)))
