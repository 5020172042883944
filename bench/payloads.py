"""OTLP export requests of a made-up fleet of agents, as an SDK's batch processor would send them."""

import gzip
import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

# Ids begin with bytes that occur in no text, so that a body can be given fresh ids without being built again.
MARK = b"\xfe\xfd"
MODELS = (("openai", "gpt-4o"), ("openai", "gpt-4o-mini"), ("anthropic", "claude-3-5-haiku-20241022"))
AGENTS = ("support", "incident-response", "data-cleanup")
TOOLS = ("search_orders", "refund", "read_runbook", "restart_service", "list_tables")
USERS = 2_000
SPANS_PER_TRACE = 7
# Made-up words, as frequent as words are: 1 / (rank + 2.7), the law of Zipf as Mandelbrot put it (1953). So text
# compresses, and repeats itself, as text does.
_STEMS = "or de mi sa tu ne ra lo ki ve po an est ing con tra pre ser vol qui"
_PARTS = _STEMS.split()
WORDS = [a + b + c for a in _PARTS for b in _PARTS for c in ("", "s", "ed", "al", "or", "um")]
WEIGHTS = list(itertools.accumulate(1 / (rank + 2.7) for rank in range(1, len(WORDS) + 1)))


@dataclass(frozen=True)
class Body:
    """A request, and how many spans it holds."""

    content: bytes
    spans: int

    def renewed(self, generation: int) -> "Body":
        """The same request about other traces; generations run from 0 to 255."""
        return Body(self.content.replace(MARK + b"\0", MARK + bytes([generation])), self.spans)

    def compressed(self) -> bytes:
        """The content as exporters send it: gzip."""
        return gzip.compress(self.content, 6, mtime=0)


def bodies(count: int, *, batch: int, end_ns: int, seconds: float = 86_400.0, seed: int = 1) -> Iterator[Body]:
    """`count` requests of `batch` spans each, in order of time, over the `seconds` before `end_ns`.

    Batches cut through traces, as a batch processor does.
    """
    chance = random.Random(seed)
    spans = _spans(chance, end_ns - int(seconds * 1e9), int(seconds * 1e9) // max(count * batch // SPANS_PER_TRACE, 1))
    for _ in range(count):
        yield _body([next(spans) for _ in range(batch)])


def _body(spans: list[Span]) -> Body:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    _put(resource.resource, {"service.name": "fleet", "deployment.environment.name": "prod", "host.name": "worker-3"})
    scope = resource.scope_spans.add()
    scope.scope.name = "bench.fleet"
    scope.spans.extend(spans)
    return Body(request.SerializeToString(), len(spans))


def _spans(chance: random.Random, start_ns: int, apart_ns: int) -> Iterator[Span]:
    """Spans without end, trace by trace, children before their parents."""
    while True:
        yield from _trace(chance, start_ns + chance.randrange(apart_ns))
        start_ns += apart_ns


def _trace(chance: random.Random, start_ns: int) -> list[Span]:
    trace_id = MARK + b"\0" + chance.randbytes(13)
    root_id = MARK + b"\0" + chance.randbytes(5)
    agent, (provider, model) = chance.choice(AGENTS), chance.choice(MODELS)
    common = {"gen_ai.agent.name": agent, "gen_ai.conversation.id": f"conversation-{chance.randrange(10**9)}"}
    history = [_message("system", INSTRUCTIONS[agent]), _message("user", _words(chance, 60))]
    made: list[Span] = []
    at = start_ns
    for step in range(3):
        answer = _message("assistant", _words(chance, 80))
        call = common | {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": provider,
            "gen_ai.request.model": model,
            "gen_ai.response.model": model,
            "gen_ai.response.id": f"chatcmpl-{chance.randbytes(12).hex()}",
            "gen_ai.usage.input_tokens": chance.randrange(100, 4_000),
            "gen_ai.usage.output_tokens": chance.randrange(10, 800),
            "gen_ai.input.messages": json.dumps(history),
            "gen_ai.output.messages": json.dumps([answer]),
            "server.address": f"api.{provider}.com",
        }
        made.append(_span(chance, trace_id, root_id, f"chat {model}", at, 900, call))
        at = made[-1].end_time_unix_nano
        tool = chance.choice(TOOLS)
        result = _words(chance, 50)
        history += [answer, _message("tool", result)]
        use = common | {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": tool,
            "gen_ai.tool.call.id": f"call_{chance.randbytes(12).hex()}",
            "gen_ai.tool.call.arguments": json.dumps({"query": _words(chance, 8), "step": step}),
            "gen_ai.tool.call.result": json.dumps({"text": result}),
        }
        made.append(_span(chance, trace_id, root_id, f"execute_tool {tool}", at, 80, use))
        at = made[-1].end_time_unix_nano
    ended = common | {"gen_ai.operation.name": "invoke_agent", "user.id": f"user-{chance.randrange(USERS)}"}
    root = _span(chance, trace_id, b"", f"invoke_agent {agent}", start_ns, 0, ended)
    root.span_id, root.end_time_unix_nano = root_id, at
    return [*made, root]


def _message(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": content}]}


def _span(
    chance: random.Random, trace_id: bytes, parent: bytes, name: str, at: int, usual_ms: int, attributes: dict[str, Any]
) -> Span:
    span = Span(trace_id=trace_id, span_id=MARK + b"\0" + chance.randbytes(5), parent_span_id=parent, name=name)
    span.start_time_unix_nano = at
    span.end_time_unix_nano = at + int(usual_ms * 10**6 * chance.lognormvariate(0, 0.6))
    if chance.random() < 0.03:
        span.status.code = Status.STATUS_CODE_ERROR
        span.status.message = "upstream timed out"
        attributes = attributes | {"error.type": "TimeoutError"}
    _put(span, attributes)
    return span


def _put(holder: Any, attributes: dict[str, Any]) -> None:
    for key, value in attributes.items():
        pair = holder.attributes.add()
        pair.key = key
        if isinstance(value, int):
            pair.value.int_value = value
        else:
            pair.value.string_value = value


def _words(chance: random.Random, count: int) -> str:
    return " ".join(chance.choices(WORDS, cum_weights=WEIGHTS, k=count))


INSTRUCTIONS = {agent: _words(random.Random(place), 50) for place, agent in enumerate(AGENTS)}
