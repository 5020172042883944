"""Decorators that make calls of agents, tools and models visible, by OpenTelemetry's GenAI conventions.

They take ordinary functions, coroutine functions, and generators of both kinds, whose span lasts until the last value
and is nobody's parent: between two values the caller does other things. Without OpenTelemetry they change
nothing.
"""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeVar

from handrail.genai import arguments_of, messages_in, messages_out, response_attributes
from handrail.tracing import SafeSpan, span_of, tool_span

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

F = TypeVar("F", bound=Callable[..., Any])
Open = Callable[[Mapping[str, Any], bool], AbstractContextManager[SafeSpan]]
Close = Callable[[SafeSpan, Any], None]


def observe_agent(
    name: str | None = None,
    *,
    version: str | None = None,
    agent_id: str | None = None,
    capture: bool = True,
    tracer_provider: TracerProvider | None = None,
) -> Callable[[F], F]:
    """Each call is a run of an agent: a span `invoke_agent`.

    name: the function's own when left out. capture: whether arguments and result go into the span.
    """

    def decorate(function: F) -> F:
        called = name or function.__name__

        def opened(given: Mapping[str, Any], current: bool) -> AbstractContextManager[SafeSpan]:
            attributes = {
                "gen_ai.operation.name": "invoke_agent",
                "gen_ai.agent.name": called,
                "gen_ai.agent.version": version,
                "gen_ai.agent.id": agent_id,
                "gen_ai.input.messages": (messages_in(given) or None) if capture else None,
            }
            who = {"gen_ai.agent.name": called, "gen_ai.agent.version": version}
            return span_of(f"invoke_agent {called}", attributes, tracer_provider, current=current, agent=who)

        def closed(span: SafeSpan, result: Any) -> None:
            if capture:
                span.set("gen_ai.output.messages", messages_out(result))

        observed: F = _observed(function, opened, closed)
        return observed

    return decorate


def observe_tool(
    name: str | None = None, *, capture: bool = True, tracer_provider: TracerProvider | None = None
) -> Callable[[F], F]:
    """Each call is one of a tool: a span `execute_tool`. See `observe_agent`."""

    def decorate(function: F) -> F:
        called = name or function.__name__

        def opened(given: Mapping[str, Any], current: bool) -> AbstractContextManager[SafeSpan]:
            return tool_span(called, given if capture else None, tracer_provider, current=current)

        def closed(span: SafeSpan, result: Any) -> None:
            if capture:
                span.set("gen_ai.tool.call.result", result)

        observed: F = _observed(function, opened, closed)
        return observed

    return decorate


def observe_llm(
    model: str | None = None,
    *,
    provider: str | None = None,
    operation: str = "chat",
    capture: bool = True,
    tracer_provider: TracerProvider | None = None,
) -> Callable[[F], F]:
    """Each call is a request to a model: a span named for the operation and the model.

    model: the call's argument `model` when left out. provider: such as openai, anthropic, aws.bedrock.
    operation: chat, text_completion, generate_content or embeddings.

    What the result says of itself is noted: the model, tokens, finish reasons, in the shapes of OpenAI, Anthropic,
    Google and LangChain, or a mapping with `usage`. The last value of a stream is looked at in this way.
    """

    def decorate(function: F) -> F:
        def opened(given: Mapping[str, Any], current: bool) -> AbstractContextManager[SafeSpan]:
            asked = model or given.get("model")
            attributes = {
                "gen_ai.operation.name": operation,
                "gen_ai.provider.name": provider,
                "gen_ai.request.model": asked,
                "gen_ai.request.temperature": given.get("temperature"),
                "gen_ai.request.max_tokens": given.get("max_tokens"),
                "gen_ai.input.messages": (messages_in(given) or None) if capture else None,
            }
            name = f"{operation} {asked}" if asked else operation
            return span_of(name, attributes, tracer_provider, remote=True, current=current)

        def closed(span: SafeSpan, result: Any) -> None:
            output = {"gen_ai.output.messages": messages_out(result)} if capture else {}
            for attribute, value in {**response_attributes(result), **output}.items():
                span.set(attribute, value)

        observed: F = _observed(function, opened, closed)
        return observed

    return decorate


def _observed(function: Any, opened: Open, closed: Close) -> Any:
    if inspect.isasyncgenfunction(function):
        return _async_stream(function, opened, closed)
    if inspect.isgeneratorfunction(function):
        return _stream(function, opened, closed)
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            with opened(arguments_of(function, args, kwargs), True) as span:
                result = await function(*args, **kwargs)
                closed(span, result)
            return result

        return awaited

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        with opened(arguments_of(function, args, kwargs), True) as span:
            result = function(*args, **kwargs)
            closed(span, result)
        return result

    return called


def _stream(function: Any, opened: Open, closed: Close) -> Any:
    @functools.wraps(function)
    def streamed(*args: Any, **kwargs: Any) -> Iterator[Any]:
        with opened(arguments_of(function, args, kwargs), False) as span:
            seen = _Chunks(span)
            for chunk in function(*args, **kwargs):
                seen.add(chunk)
                yield chunk
            closed(span, seen.whole())

    return streamed


def _async_stream(function: Any, opened: Open, closed: Close) -> Any:
    @functools.wraps(function)
    async def streamed(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        with opened(arguments_of(function, args, kwargs), False) as span:
            seen = _Chunks(span)
            async for chunk in function(*args, **kwargs):
                seen.add(chunk)
                yield chunk
            closed(span, seen.whole())

    return streamed


class _Chunks:
    """What came of a stream: its text, where it is one of text, else its last value."""

    def __init__(self, span: SafeSpan) -> None:
        self._span = span
        self._began = time.monotonic()
        self._texts: list[str] = []
        self._last: Any = None
        self._count = 0

    def add(self, chunk: Any) -> None:
        if self._count == 0:
            self._span.set("gen_ai.response.time_to_first_chunk", time.monotonic() - self._began)
        self._count += 1
        self._last = chunk
        if isinstance(chunk, str):
            self._texts.append(chunk)

    def whole(self) -> Any:
        return "".join(self._texts) if len(self._texts) == self._count and self._count else self._last
