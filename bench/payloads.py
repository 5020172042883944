"""OTLP export requests of a made-up fleet of agents, as an SDK's batch processor would send them."""

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
TEXT = (
    "order refund customer invoice latency deploy rollback table column cluster incident alert policy budget "
    "approve reject agent model prompt answer question tool result timeout retry account payment shipment ticket"
)
WORDS = TEXT.split()


@dataclass(frozen=True)
class Body:
    """A request, and how many spans it holds."""

    content: bytes
    spans: int

    def renewed(self, generation: int) -> bytes:
        """The same request about other traces; generations run from 0 to 255."""
        return self.content.replace(MARK + b"\0", MARK + bytes([generation]))


def bodies(count: int, *, batch: int, end_ns: int, seed: int = 1) -> list[Body]:
    """`count` requests of `batch` spans each, whose traces started in the hour before `end_ns`."""
    chance = random.Random(seed)
    spans = _spans(chance, end_ns)
    return [_body([next(spans) for _ in range(batch)]) for _ in range(count)]


def _body(spans: list[Span]) -> Body:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    _put(resource.resource, {"service.name": "fleet", "deployment.environment.name": "prod", "host.name": "worker-3"})
    scope = resource.scope_spans.add()
    scope.scope.name = "bench.fleet"
    scope.spans.extend(spans)
    return Body(request.SerializeToString(), len(spans))


def _spans(chance: random.Random, end_ns: int) -> Iterator[Span]:
    """Spans without end, trace by trace, children before their parents."""
    while True:
        yield from _trace(chance, end_ns - chance.randrange(3_600 * 10**9))


def _trace(chance: random.Random, start_ns: int) -> list[Span]:
    trace_id = MARK + b"\0" + chance.randbytes(13)
    root_id = MARK + b"\0" + chance.randbytes(5)
    agent, (provider, model) = chance.choice(AGENTS), chance.choice(MODELS)
    common = {"gen_ai.agent.name": agent, "gen_ai.conversation.id": f"conversation-{chance.randrange(10**6)}"}
    question = _words(chance, 40)
    made: list[Span] = []
    at = start_ns
    for step in range(3):
        call = common | {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": provider,
            "gen_ai.request.model": model,
            "gen_ai.response.model": model,
            "gen_ai.usage.input_tokens": chance.randrange(100, 4_000),
            "gen_ai.usage.output_tokens": chance.randrange(10, 800),
            "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": question}]}]),
            "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [_words(chance, 70)]}]),
        }
        made.append(_span(chance, trace_id, root_id, f"chat {model}", at, 900, call))
        at = made[-1].end_time_unix_nano
        tool = chance.choice(TOOLS)
        use = common | {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": tool,
            "gen_ai.tool.call.arguments": json.dumps({"query": _words(chance, 8), "step": step}),
            "gen_ai.tool.call.result": json.dumps({"text": _words(chance, 60)}),
        }
        made.append(_span(chance, trace_id, root_id, f"execute_tool {tool}", at, 80, use))
        at = made[-1].end_time_unix_nano
    ended = common | {"gen_ai.operation.name": "invoke_agent", "user.id": f"user-{chance.randrange(2_000)}"}
    root = _span(chance, trace_id, b"", f"invoke_agent {agent}", start_ns, 0, ended)
    root.span_id, root.end_time_unix_nano = root_id, at
    return [*made, root]


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
    return " ".join(chance.choices(WORDS, k=count))
