"""Calls of agents, tools and models as spans; sessions in baggage; log records that name their span; spans on disk."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from loopback import KEY, Loopback
from test_tracing import exported, plain

from handrail import (
    Handrail,
    Spool,
    configure_tracing,
    conversation,
    correlate_logs,
    observe_agent,
    observe_llm,
    observe_tool,
)

pytest.importorskip("opentelemetry.sdk")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider


@pytest.fixture
def provider(server: Loopback) -> Iterator[TracerProvider]:
    made = configure_tracing("desk", agent_name="support", url=server.url, key=KEY, set_global=False)
    yield made
    made.shutdown()


ANSWER = {
    "model": "small-2",
    "id": "r-1",
    "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "Hello."}}],
    "usage": {
        "prompt_tokens": 12,
        "completion_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 2},
    },
}


def test_a_run_of_an_agent_is_a_tree_by_the_conventions(server: Loopback, provider: TracerProvider) -> None:
    @observe_llm("small", provider="openai", tracer_provider=provider)
    def ask(messages: list[dict[str, str]], temperature: float = 0.0) -> dict[str, Any]:
        return ANSWER

    @observe_tool(tracer_provider=provider)
    def look_up(order: str) -> dict[str, str]:
        return {"state": "sent"}

    @observe_agent("triage", version="2", tracer_provider=provider)
    def triage(question: str) -> str:
        ask([{"role": "user", "content": question}], temperature=0.5)
        look_up("A-1")
        return "Sent."

    assert triage("Where is it?") == "Sent."
    (llm, about_llm, _), (tool, about_tool, _), (agent, about_agent, _) = exported(server, provider)
    assert [llm.name, tool.name, agent.name] == ["chat small", "execute_tool look_up", "invoke_agent triage"]
    assert {llm.parent_span_id, tool.parent_span_id} == {agent.span_id}
    assert llm.kind == 3  # a client's
    assert about_llm["gen_ai.provider.name"] == "openai"
    assert about_llm["gen_ai.request.model"] == "small"
    assert about_llm["gen_ai.response.model"] == "small-2"
    assert about_llm["gen_ai.usage.input_tokens"] == 12
    assert about_llm["gen_ai.usage.output_tokens"] == 3
    assert about_llm["gen_ai.usage.cache_read.input_tokens"] == 8
    assert about_llm["gen_ai.usage.reasoning.output_tokens"] == 2
    assert [each.string_value for each in about_llm["gen_ai.response.finish_reasons"].values] == ["stop"]
    assert about_llm["gen_ai.request.temperature"] == 0.5
    said = [{"role": "user", "parts": [{"type": "text", "content": "Where is it?"}]}]
    assert json.loads(about_llm["gen_ai.input.messages"]) == said
    assert json.loads(about_agent["gen_ai.input.messages"]) == said
    assert json.loads(about_llm["gen_ai.output.messages"])[0]["parts"][0]["content"] == "Hello."
    assert json.loads(about_tool["gen_ai.tool.call.arguments"]) == {"order": "A-1"}
    # What an agent calls is its own work, not that of the process's usual agent.
    assert {about["gen_ai.agent.name"] for about in (about_llm, about_tool, about_agent)} == {"triage"}
    assert about_agent["gen_ai.agent.version"] == about_tool["gen_ai.agent.version"] == "2"


async def test_coroutines_and_streams_of_both_kinds_are_seen_to_their_end(
    server: Loopback, provider: TracerProvider
) -> None:
    @observe_llm(tracer_provider=provider)
    async def ask(model: str, prompt: str) -> Any:
        return SimpleNamespace(model=model, content=[{"type": "text", "text": "Hi"}], stop_reason="end_turn")

    @observe_llm("stream", tracer_provider=provider)
    async def astream(prompt: str) -> AsyncIterator[str]:
        yield "a"
        yield "b"

    @observe_llm("stream", tracer_provider=provider)
    def stream(prompt: str) -> Iterator[str]:
        yield "c"
        yield "d"

    @observe_tool(tracer_provider=provider)
    def between() -> None: ...

    await ask("m-1", prompt="Hello")
    assert [chunk async for chunk in astream("x")] == ["a", "b"]
    for _chunk in stream("x"):
        between()
    (_, asked, _), (_, first, _), (one, _, _), (_, _, _), (_, second, _) = exported(server, provider)
    assert asked["gen_ai.request.model"] == "m-1"
    assert asked["gen_ai.output.messages"] == '[{"role": "assistant", "parts": [{"type": "text", "content": "Hi"}]}]'
    assert [json.loads(each["gen_ai.output.messages"])[0]["parts"][0]["content"] for each in (first, second)] == [
        "ab",
        "cd",
    ]
    assert first["gen_ai.response.time_to_first_chunk"] >= 0
    assert one.parent_span_id == b""


def test_content_stays_out_where_it_is_not_wanted(server: Loopback, provider: TracerProvider) -> None:
    @observe_tool(capture=False, tracer_provider=provider)
    def look_up(name: str) -> str:
        return "secret"

    @observe_agent(capture=False, tracer_provider=provider)
    def agent(name: str) -> str:
        return look_up(name)

    agent("secret")
    assert "secret" not in str([about for _, about, _ in exported(server, provider)])


def test_a_failure_marks_the_span_and_passes_through(server: Loopback, provider: TracerProvider) -> None:
    @observe_agent(tracer_provider=provider)
    def agent() -> None:
        raise OSError("gateway")

    with pytest.raises(OSError, match="gateway"):
        agent()
    ((span, about, _),) = exported(server, provider)
    assert (span.status.code, about["error.type"]) == (2, "OSError")


def test_the_conversation_is_on_every_span_and_on_every_request(
    server: Loopback, provider: TracerProvider, blocking: Handrail
) -> None:
    with conversation("s-1", "u-9"):
        with provider.get_tracer("t").start_as_current_span("a"):
            provider.get_tracer("t").start_span("b", attributes={"session.id": "its own"}).end()
        blocking.request_approval("refund")
        blocking.request_approval("refund", session_id="other", end_user="somebody")
    blocking.request_approval("refund")
    (_, second, _), (_, first, _) = exported(server, provider)
    assert (first["session.id"], first["gen_ai.conversation.id"], first["user.id"]) == ("s-1", "s-1", "u-9")
    assert second["session.id"] == "its own"
    asked = [each.json() for each in server.requests("POST", "/api/v1/approvals")]
    assert [(each.get("session_id"), each.get("end_user")) for each in asked] == [
        ("s-1", "u-9"),
        ("other", "somebody"),
        (None, None),
    ]


def test_log_records_name_their_span_and_session(server: Loopback, provider: TracerProvider) -> None:
    before, out = logging.getLogRecordFactory(), io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logging.Formatter("%(trace_id)s %(span_id)s %(session_id)s|%(message)s"))
    log = logging.getLogger("correlated")
    log.addHandler(handler)
    try:
        correlate_logs()
        correlate_logs()
        with conversation("s-1"), provider.get_tracer("t").start_as_current_span("a") as span:
            log.warning("inside")
        log.warning("outside")
    finally:
        logging.setLogRecordFactory(before)
        log.removeHandler(handler)
    context = span.get_span_context()
    inside, outside = out.getvalue().splitlines()
    assert inside == f"{context.trace_id:032x} {context.span_id:016x} s-1|inside"
    assert outside == "  |outside"


def spans_that_arrived(server: Loopback) -> list[tuple[str, dict[str, Any]]]:
    return [
        (span.name, plain(span.attributes))
        for request in server.requests("POST", "/v1/traces")
        for resource in ExportTraceServiceRequest.FromString(request.body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def test_spans_made_while_the_server_is_away_arrive_in_order_when_it_is_back(server: Loopback, tmp_path: Path) -> None:
    made = configure_tracing("desk", url=server.url, key=KEY, set_global=False, spool=Spool(tmp_path))
    server.stop()
    for number in range(3):
        made.get_tracer("t").start_span(f"s-{number}").end()
        made.force_flush(10)
    assert len(Spool(tmp_path)) == 3
    server.start()
    server.until(lambda: len(server.requests("POST", "/v1/traces")) >= 3)
    made.shutdown()
    assert list(dict.fromkeys(name for name, _ in spans_that_arrived(server))) == ["s-0", "s-1", "s-2"]
    assert len(Spool(tmp_path)) == 0


LEAVES_SPANS = """
import os, sys
from handrail import configure_tracing
provider = configure_tracing("desk", url=sys.argv[1], key="k", set_global=False, spool=sys.argv[2])
provider.get_tracer("t").start_span("left behind").end()
provider.force_flush(10)
os._exit(9)
"""


def test_the_next_process_sends_the_spans_of_one_that_died(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.stop()
    command = [sys.executable, "-c", LEAVES_SPANS, server.url, str(tmp_path)]
    assert subprocess.run(command, timeout=60, check=False).returncode == 9
    server.start()
    monkeypatch.setenv("HANDRAIL_SPOOL", str(tmp_path))
    made = configure_tracing("desk", url=server.url, key=KEY, set_global=False)
    server.until(lambda: server.requests("POST", "/v1/traces"))
    made.shutdown()
    assert [name for name, _ in spans_that_arrived(server)] == ["left behind"]
