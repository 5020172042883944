"""An agent at work: turns of a session as traces, by the GenAI conventions of OpenTelemetry.

Spans are opened and closed at the session's clock, so that the same script can happen now or have happened yesterday.
"""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer

from fleet.clock import Clock, trouble
from fleet.desk import Desk, Ticket
from fleet.llm import EMBEDDING, Model, generate

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Card:
    """Who an agent is."""

    name: str
    version: str
    service: str
    instructions: str


class AgentFailed(Exception):
    """The turn cannot go on; its trace says why."""


class ModelFailed(AgentFailed):
    """The model answered none of the tries."""


class ToolFailed(AgentFailed):
    """A tool did not do what it was called for."""


@dataclass
class Session:
    """One conversation or job of an agent, over as many turns as it takes."""

    card: Card
    tracer: Tracer
    clock: Clock
    desk: Desk
    rng: random.Random
    id: str
    user: str
    history: list[dict[str, Any]] = field(default_factory=list)
    seen_tokens: int = 0

    @asynccontextmanager
    async def turn(self, said: str = "", tags: Sequence[str] = ()) -> AsyncIterator[Turn]:
        """A trace of its own. said: what the user or the alert says; nothing when a decision resumes the work."""
        if said:
            self.history.append({"role": "user", "parts": [{"type": "text", "content": said}]})
        attributes = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.id": f"{self.card.name}-1",
            "tags": list(tags),
            "gen_ai.input.messages": json.dumps(self.history[-1:]),
        }
        turn = Turn(self)
        with turn.span(f"invoke_agent {self.card.name}", attributes, SpanKind.INTERNAL) as root:
            try:
                yield turn
            finally:
                root.set_attribute("gen_ai.output.messages", json.dumps(self.history[-1:]))
                if turn.waits_for:
                    _interrupt(root, turn.waits_for, self.clock)


class Turn:
    """One trace under way. Each method is one span, or a few."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.waits_for = ""

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, Any], kind: SpanKind) -> Iterator[Span]:
        """A current span by the session's clock; an exception that leaves it marks it as failed."""
        session = self.session
        common = {"gen_ai.conversation.id": session.id, "user.id": session.user}
        span = session.tracer.start_span(
            name, kind=kind, attributes={**common, **attributes}, start_time=session.clock.now_ns()
        )
        try:
            with trace.use_span(span, record_exception=False, set_status_on_exception=False):
                yield span
        except Exception as failure:
            _fail(span, type(failure).__name__, str(failure), session.clock)
            raise
        finally:
            span.end(session.clock.now_ns())

    async def reply(self, model: Model, text: str) -> None:
        """The model writes to the user."""
        await self._chat(model, [{"type": "text", "content": text}], "stop")

    async def use(
        self, model: Model, tool: str, arguments: Arguments, result: Any, *, seconds: float = 0.4, fault: str = ""
    ) -> None:
        """The model calls a tool, and the tool runs. fault: why it fails, if it does."""
        await self.choose(model, tool, arguments)
        await self.perform(tool, arguments, result, seconds=seconds, fault=fault)

    async def choose(self, model: Model, tool: str, arguments: Arguments) -> None:
        """The model calls a tool, which does not run yet."""
        call = {"type": "tool_call", "id": self._call_id(), "name": tool, "arguments": dict(arguments)}
        await self._chat(model, [call], "tool_calls")

    async def perform(
        self, tool: str, arguments: Arguments, result: Any, *, seconds: float = 0.4, fault: str = ""
    ) -> None:
        """The tool that was called runs. Raises ToolFailed when it has a fault."""
        session = self.session
        with self._tool_span(tool, arguments) as span:
            await session.clock.sleep(seconds * session.rng.lognormvariate(0, 0.3))
            if fault:
                raise ToolFailed(fault)
            span.set_attribute("gen_ai.tool.call.result", json.dumps(result))
        self.note(result)

    async def ask(self, model: Model, action: str, arguments: Arguments, **options: Any) -> Ticket:
        """The model calls a tool that a person must allow first: the request is made, and the turn stops here."""
        session = self.session
        await self.choose(model, action, arguments)
        with self._tool_span(action, arguments) as span:
            ticket = await session.desk.ask(
                action, arguments, {"session_id": session.id, "end_user": session.user, **options}
            )
            span.set_attribute("handrail.approval.id", ticket.approval_id)
            _interrupt(span, action, session.clock)
        self.waits_for = action
        return ticket

    async def retrieve(self, source: str, query: str, documents: Sequence[str]) -> None:
        """Look for documents: an embedding of the query, then the search."""
        session = self.session
        attributes = {"gen_ai.operation.name": "retrieval", "gen_ai.data_source.id": source, "input.value": query}
        with self.span(f"retrieval {source}", attributes, SpanKind.CLIENT) as span:
            embed = {
                "gen_ai.operation.name": "embeddings",
                "gen_ai.provider.name": EMBEDDING.provider,
                "gen_ai.request.model": EMBEDDING.name,
                "gen_ai.response.model": EMBEDDING.answers_as,
                "gen_ai.usage.input_tokens": max(3, len(query) // 4),
            }
            with self.span(f"embeddings {EMBEDDING.name}", embed, SpanKind.CLIENT):
                await session.clock.sleep(EMBEDDING.first_token_seconds * session.rng.lognormvariate(0, 0.4))
            await session.clock.sleep(session.rng.uniform(0.02, 0.09))
            found = [{"id": f"{source}-{n}", "content": text} for n, text in enumerate(documents)]
            span.set_attribute("output.value", json.dumps(found))
        session.history.append({"role": "system", "parts": [{"type": "text", "content": "\n".join(documents)}]})

    def note(self, result: Any) -> None:
        """The model will see this as the answer to its last call."""
        response = {"type": "tool_call_response", "id": self._call_id(), "response": result}
        self.session.history.append({"role": "tool", "parts": [response]})

    def _tool_span(self, tool: str, arguments: Arguments) -> Any:
        attributes = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": tool,
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.id": self._call_id(),
            "gen_ai.tool.call.arguments": json.dumps(dict(arguments)),
        }
        return self.span(f"execute_tool {tool}", attributes, SpanKind.INTERNAL)

    def _call_id(self) -> str:
        """Of the call that the model is about to make, or has just made."""
        calls = sum(message["role"] == "tool" for message in self.session.history)
        return f"call_{self.session.id[-6:]}_{calls}"

    async def _chat(self, model: Model, parts: list[dict[str, Any]], finish: str) -> None:
        """Three tries, with longer pauses between them. Raises ModelFailed after the last."""
        session = self.session
        for attempt in (1, 2, 3):
            now_ns = session.clock.now_ns()
            # Even in bad times most calls succeed; a run of three failures should stay rare.
            fails = session.rng.random() < 0.015 + 0.4 * trouble(now_ns)
            if not fails:
                await self._generate(model, parts, finish)
                return
            kind, message = session.rng.choice(model.faults)
            with self.span(f"chat {model.name}", _request_attributes(model), SpanKind.CLIENT) as span:
                await session.clock.sleep(8.0 if "Timeout" in kind else session.rng.uniform(0.15, 0.6))
                _fail(span, kind, message, session.clock)
            if attempt < 3:
                await session.clock.sleep(0.5 * 2**attempt * session.rng.uniform(0.5, 1.0))
        raise ModelFailed(f"{model.name} did not answer in three tries: {message}")

    async def _generate(self, model: Model, parts: list[dict[str, Any]], finish: str) -> None:
        session = self.session
        prompt = session.card.instructions + json.dumps(session.history)
        spent = generate(model, prompt, json.dumps(parts), seen_tokens=session.seen_tokens, rng=session.rng)
        answer = {"role": "assistant", "parts": parts}
        slow = 1.0 + 2.0 * trouble(session.clock.now_ns())
        attributes = {
            **_request_attributes(model),
            "gen_ai.request.stream": True,
            "gen_ai.response.model": model.answers_as,
            "gen_ai.response.id": f"resp_{session.rng.getrandbits(48):012x}",
            "gen_ai.response.finish_reasons": [finish],
            "gen_ai.response.time_to_first_chunk": round(spent.first_token_seconds * slow, 4),
            "gen_ai.usage.input_tokens": spent.input_tokens,
            "gen_ai.usage.output_tokens": spent.output_tokens,
            "gen_ai.usage.cache_read.input_tokens": spent.cache_read_tokens,
            "gen_ai.usage.cache_creation.input_tokens": spent.cache_write_tokens,
            "gen_ai.usage.reasoning.output_tokens": spent.reasoning_tokens,
            "gen_ai.system_instructions": json.dumps([{"type": "text", "content": session.card.instructions}]),
            "gen_ai.input.messages": json.dumps(session.history),
            "gen_ai.output.messages": json.dumps([{**answer, "finish_reason": finish}]),
        }
        with self.span(f"chat {model.name}", attributes, SpanKind.CLIENT):
            await session.clock.sleep(spent.seconds * slow)
        session.seen_tokens = spent.input_tokens
        session.history.append(answer)


def _request_attributes(model: Model) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": model.provider,
        "gen_ai.request.model": model.name,
        "gen_ai.request.temperature": 0.2,
        "gen_ai.request.max_tokens": 2048,
        "server.address": model.server,
    }


def _fail(span: Span, kind: str, message: str, clock: Clock) -> None:
    span.set_attribute("error.type", kind)
    span.add_event("exception", {"exception.type": kind, "exception.message": message}, clock.now_ns())
    span.set_status(StatusCode.ERROR, message)


def _interrupt(span: Span, action: str, clock: Clock) -> None:
    """Mark the span as stopped to wait for a person, as LangGraph's instrumentation does."""
    attributes = {"exception.type": "langgraph.errors.GraphInterrupt", "exception.message": f"{action} needs approval"}
    span.add_event("exception", attributes, clock.now_ns())
