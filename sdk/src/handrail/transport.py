"""Carrying out what flows want, over httpx: one driver blocks, one awaits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from typing import Any, TypeVar

import httpx

from handrail.flows import Effect, Emit, Flow, NextLine, OpenStream, Pause, Result, Send
from handrail.wire import Request, Response, Server, TransportFailure

T = TypeVar("T")


class Blocking:
    """Drives flows by blocking. Safe to share between threads."""

    def __init__(self, server: Server) -> None:
        self._http = httpx.Client(**_http_options(server))

    def run(self, flow: Flow[T]) -> T:
        """Carry a flow out to its end; returns what it returns, raises what it raises."""
        result: Result = None
        while True:
            try:
                effect = flow.send(result)
            except StopIteration as stop:
                value: T = stop.value
                return value
            result = self._perform(effect)

    def stream(self, flow: Flow[None]) -> Iterator[Any]:
        """Yield what a flow emits."""
        with ExitStack() as stream:
            lines: Iterator[str] = iter(())
            result: Result = None
            while (effect := _advance(flow, result)) is not None:
                result = None
                if isinstance(effect, Emit):
                    yield effect.value
                elif isinstance(effect, OpenStream):
                    stream.close()
                    result, lines = self._open(effect.request, stream)
                elif isinstance(effect, NextLine):
                    result = _next_line(lines)
                else:
                    result = self._perform(effect)

    def send(self, request: Request) -> Response | TransportFailure:
        """Send a request once."""
        try:
            return _response(self._http.send(_prepare(self._http, request)))
        except httpx.TransportError as error:
            return _failure(error)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _perform(self, effect: Effect) -> Result:
        if isinstance(effect, Pause):
            time.sleep(effect.seconds)
            return None
        assert isinstance(effect, Send)
        return self.send(effect.request)

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


class Awaiting:
    """Drives flows by awaiting, any number at once."""

    def __init__(self, server: Server) -> None:
        self._http = httpx.AsyncClient(**_http_options(server))

    async def run(self, flow: Flow[T]) -> T:
        """See `Blocking.run`."""
        result: Result = None
        while True:
            try:
                effect = flow.send(result)
            except StopIteration as stop:
                value: T = stop.value
                return value
            result = await self._perform(effect)

    async def stream(self, flow: Flow[None]) -> AsyncIterator[Any]:
        """See `Blocking.stream`."""
        async with AsyncExitStack() as stream:
            lines = _no_lines()
            result: Result = None
            while (effect := _advance(flow, result)) is not None:
                result = None
                if isinstance(effect, Emit):
                    yield effect.value
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
        "headers": {**server.headers, "Accept": "application/json", "User-Agent": "handrail"},
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
