"""The two clients: one blocks, one awaits; everything else they share (`wire`, `flows`)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from handrail import flows, wire
from handrail.approvals import Approval, approval_fields, parse_approval
from handrail.examples import FeedbackExample
from handrail.flows import Effect, Emit, Flow, NextLine, OpenStream, Pause, Result, Send
from handrail.options import AgentName, OutcomeStatus, RequestOptions, request_fields
from handrail.receipts import arguments_hash
from handrail.retry import RetryPolicy
from handrail.wire import Request, Response, Server, TransportFailure

if TYPE_CHECKING:
    # Only for type checkers: at run time the package needs nothing but httpx.
    from typing_extensions import Self, Unpack

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RequestedApproval(Approval):
    """An approval together with the client that asked for it."""

    client: Handrail = field(kw_only=True, repr=False, compare=False)

    def wait(self, timeout: float | None = None) -> Approval:
        """See `Handrail.wait`."""
        return self.client.wait(self.id, timeout=timeout)

    def cancel(self, reason: str = "") -> Approval:
        """See `Handrail.cancel`."""
        return self.client.cancel(self.id, reason=reason)


@dataclass(frozen=True, slots=True)
class AsyncRequestedApproval(Approval):
    """An approval together with the asynchronous client that asked for it."""

    client: AsyncHandrail = field(kw_only=True, repr=False, compare=False)

    async def wait(self, timeout: float | None = None) -> Approval:
        """See `Handrail.wait`."""
        return await self.client.wait(self.id, timeout=timeout)

    async def cancel(self, reason: str = "") -> Approval:
        """See `Handrail.cancel`."""
        return await self.client.cancel(self.id, reason=reason)


class Handrail:
    """Asks people for approval, and blocks while they think. Safe to share between threads.

    url, key: default to the environment's HANDRAIL_URL and HANDRAIL_API_KEY.
    agent: who asks, for requests that do not say.
    retry: how patient to be while the server is away. Every call raises Unreachable when that is used up.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        agent: AgentName | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        self._server = wire.locate(url, key)
        self._agent = agent
        self._retry = retry or RetryPolicy()
        self._http = httpx.Client(**_http_options(self._server))

    def request_approval(
        self, action: str, arguments: Mapping[str, Any] | None = None, **options: Unpack[RequestOptions]
    ) -> RequestedApproval:
        """Ask whether `action` may run with `arguments` (JSON values); returns at once, usually pending."""
        request = wire.create(request_fields(action, arguments, options, self._agent))
        return RequestedApproval(**approval_fields(self._run(flows.call(request, self._retry))), client=self)

    def wait(self, approval_id: str, *, timeout: float | None = None) -> Approval:
        """Block until the approval is decided, through restarts of the server, and return it.

        What returns is approved (run the action with `final_arguments`), answered (use `answer` instead) or, for a
        batch, mixed (look at `items`). Raises ApprovalRejected, ApprovalExpired or ApprovalCancelled; WaitTimeout
        after `timeout` seconds (None: no limit but the request's own deadline); Unreachable when the server stays away.
        """
        return self._run(flows.wait(approval_id, timeout, self._retry))

    def get(self, approval_id: str) -> Approval:
        """Read an approval as it is now; raises for no status."""
        return parse_approval(self._run(flows.call(wire.read(approval_id), self._retry)))

    def cancel(self, approval_id: str, *, reason: str = "") -> Approval:
        """Withdraw a request that is no longer needed. Raises HandrailError (status 409) when it was decided."""
        return parse_approval(self._run(flows.call(wire.cancel(approval_id, reason), self._retry)))

    def consume(self, approval_id: str, arguments: Mapping[str, Any], *, item: int = 0, receipt: str = "") -> Approval:
        """Use the receipt up, right before the action runs with `arguments`: it is good for one run of exactly these.

        item: which action of a batch. receipt: checked too when given. Raises ReceiptRefused: then nothing may run.
        """
        request = wire.consume(approval_id, arguments_hash(arguments), item, receipt)
        return self._run(flows.consume(request, self._retry))

    def receipt_keys(self) -> Mapping[str, Any]:
        """The public keys (JWK Set) with which `verify_receipt` checks receipts."""
        return dict(self._run(flows.call(wire.receipt_keys(), self._retry)))

    def record_outcome(self, approval_id: str, status: OutcomeStatus, detail: Mapping[str, Any] | None = None) -> None:
        """Say what happened after the decision; it becomes part of the labelled example."""
        self._run(flows.call(wire.outcome(approval_id, status, detail), self._retry))

    def feedback(self, *, cursor: str = "", **filters: str) -> Iterator[FeedbackExample]:
        """Yield decided requests as labelled examples, oldest first, resuming by itself when the connection breaks.

        cursor: go on after the example that carried it.
        filters: query parameters of GET /api/v1/feedback, for instance include="undecided".
        """
        with ExitStack() as stream:
            lines: Iterator[str] = iter(())
            flow = flows.feedback(filters, cursor, self._retry)
            result: Result = None
            while (effect := _advance(flow, result)) is not None:
                result = None
                if isinstance(effect, Emit):
                    yield effect.example
                elif isinstance(effect, OpenStream):
                    stream.close()
                    result, lines = self._open(effect.request, stream)
                elif isinstance(effect, NextLine):
                    result = _next_line(lines)
                else:
                    result = self._perform(effect)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, flow: Flow[T]) -> T:
        result: Result = None
        while True:
            try:
                effect = flow.send(result)
            except StopIteration as stop:
                value: T = stop.value
                return value
            result = self._perform(effect)

    def _perform(self, effect: Effect) -> Result:
        if isinstance(effect, Pause):
            time.sleep(effect.seconds)
            return None
        assert isinstance(effect, Send)
        try:
            return _response(self._http.send(_prepare(self._http, effect.request)))
        except httpx.TransportError as error:
            return _failure(error)

    def _open(self, request: Request, stream: ExitStack) -> tuple[Result, Iterator[str]]:
        try:
            answer = self._http.send(_prepare(self._http, request), stream=True)
            stream.callback(answer.close)
            if answer.status_code != 200:
                answer.read()
                return _response(answer), iter(())
            return Response(200, _headers(answer)), answer.iter_lines()
        except httpx.TransportError as error:
            return _failure(error), iter(())


class AsyncHandrail:
    """Handrail for asyncio: the same calls, awaited. One client carries any number of waits at once."""

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        agent: AgentName | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        self._server = wire.locate(url, key)
        self._agent = agent
        self._retry = retry or RetryPolicy()
        self._http = httpx.AsyncClient(**_http_options(self._server))

    async def request_approval(
        self, action: str, arguments: Mapping[str, Any] | None = None, **options: Unpack[RequestOptions]
    ) -> AsyncRequestedApproval:
        """See `Handrail.request_approval`."""
        request = wire.create(request_fields(action, arguments, options, self._agent))
        answer = await self._run(flows.call(request, self._retry))
        return AsyncRequestedApproval(**approval_fields(answer), client=self)

    async def wait(self, approval_id: str, *, timeout: float | None = None) -> Approval:
        """See `Handrail.wait`."""
        return await self._run(flows.wait(approval_id, timeout, self._retry))

    async def get(self, approval_id: str) -> Approval:
        """See `Handrail.get`."""
        return parse_approval(await self._run(flows.call(wire.read(approval_id), self._retry)))

    async def cancel(self, approval_id: str, *, reason: str = "") -> Approval:
        """See `Handrail.cancel`."""
        return parse_approval(await self._run(flows.call(wire.cancel(approval_id, reason), self._retry)))

    async def consume(
        self, approval_id: str, arguments: Mapping[str, Any], *, item: int = 0, receipt: str = ""
    ) -> Approval:
        """See `Handrail.consume`."""
        request = wire.consume(approval_id, arguments_hash(arguments), item, receipt)
        return await self._run(flows.consume(request, self._retry))

    async def receipt_keys(self) -> Mapping[str, Any]:
        """See `Handrail.receipt_keys`."""
        return dict(await self._run(flows.call(wire.receipt_keys(), self._retry)))

    async def record_outcome(
        self, approval_id: str, status: OutcomeStatus, detail: Mapping[str, Any] | None = None
    ) -> None:
        """See `Handrail.record_outcome`."""
        await self._run(flows.call(wire.outcome(approval_id, status, detail), self._retry))

    async def feedback(self, *, cursor: str = "", **filters: str) -> AsyncIterator[FeedbackExample]:
        """See `Handrail.feedback`."""
        async with AsyncExitStack() as stream:
            lines = _no_lines()
            flow = flows.feedback(filters, cursor, self._retry)
            result: Result = None
            while (effect := _advance(flow, result)) is not None:
                result = None
                if isinstance(effect, Emit):
                    yield effect.example
                elif isinstance(effect, OpenStream):
                    await stream.aclose()
                    result, lines = await self._open(effect.request, stream)
                elif isinstance(effect, NextLine):
                    result = await _next_async_line(lines)
                else:
                    result = await self._perform(effect)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _run(self, flow: Flow[T]) -> T:
        result: Result = None
        while True:
            try:
                effect = flow.send(result)
            except StopIteration as stop:
                value: T = stop.value
                return value
            result = await self._perform(effect)

    async def _perform(self, effect: Effect) -> Result:
        if isinstance(effect, Pause):
            await asyncio.sleep(effect.seconds)
            return None
        assert isinstance(effect, Send)
        try:
            return _response(await self._http.send(_prepare(self._http, effect.request)))
        except httpx.TransportError as error:
            return _failure(error)

    async def _open(self, request: Request, stream: AsyncExitStack) -> tuple[Result, AsyncIterator[str]]:
        try:
            answer = await self._http.send(_prepare(self._http, request), stream=True)
            stream.push_async_callback(answer.aclose)
            if answer.status_code != 200:
                await answer.aread()
                return _response(answer), _no_lines()
            return Response(200, _headers(answer)), answer.aiter_lines()
        except httpx.TransportError as error:
            return _failure(error), _no_lines()


def _http_options(server: Server) -> dict[str, Any]:
    return {
        "base_url": server.url,
        # No redirects: the key goes nowhere but to the address it was given for.
        "follow_redirects": False,
        # Every wait holds a connection, and there may be thousands.
        "limits": httpx.Limits(max_connections=None, max_keepalive_connections=20),
        "headers": {"Authorization": f"Bearer {server.key}", "Accept": "application/json", "User-Agent": "handrail"},
    }


def _prepare(http: httpx.Client | httpx.AsyncClient, request: Request) -> httpx.Request:
    timeout = httpx.Timeout(request.timeout_seconds, connect=10.0)
    return http.build_request(
        request.method, request.path, headers=dict(request.headers), content=request.body, timeout=timeout
    )


def _response(answer: httpx.Response) -> Response:
    return Response(answer.status_code, _headers(answer), answer.content)


def _headers(answer: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items()}


def _failure(error: httpx.TransportError) -> TransportFailure:
    return TransportFailure(str(error) or type(error).__name__)


def _advance(flow: Flow[None], result: Result) -> Effect | None:
    """The flow's next effect, None when it has ended."""
    try:
        return flow.send(result)
    except StopIteration:
        return None


def _next_line(lines: Iterator[str]) -> str | TransportFailure | None:
    try:
        return next(lines, None)
    except httpx.TransportError as error:
        return _failure(error)


async def _next_async_line(lines: AsyncIterator[str]) -> str | TransportFailure | None:
    try:
        return await anext(lines, None)
    except httpx.TransportError as error:
        return _failure(error)


async def _no_lines() -> AsyncIterator[str]:
    empty: tuple[str, ...] = ()
    for line in empty:
        yield line
