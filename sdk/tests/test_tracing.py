"""Spans reach Handrail, and approvals know the span they were asked in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from loopback import KEY, Loopback

from handrail import (
    ApprovalRejected,
    AsyncHandrail,
    Handrail,
    approval_required,
    configure_tracing,
    outcome_in_span,
)

pytest.importorskip("opentelemetry.sdk")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider


@pytest.fixture
def provider(server: Loopback) -> Iterator[TracerProvider]:
    made = configure_tracing(
        "support-service",
        agent_name="support",
        agent_version="1.2",
        environment="test",
        url=server.url,
        key=KEY,
        set_global=False,
    )
    yield made
    made.shutdown()


def exported(server: Loopback, provider: TracerProvider) -> list[tuple[Any, dict[str, Any], dict[str, Any]]]:
    """(span, its attributes, its resource's attributes) for everything that arrived."""
    assert provider.force_flush()
    found: list[tuple[Any, dict[str, Any], dict[str, Any]]] = []
    for request in server.requests("POST", "/v1/traces"):
        for resource in ExportTraceServiceRequest.FromString(request.body).resource_spans:
            about = plain(resource.resource.attributes)
            for scope in resource.scope_spans:
                found.extend((span, plain(span.attributes), about) for span in scope.spans)
    return found


def plain(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


def test_a_span_arrives_with_its_service_and_agent(server: Loopback, provider: TracerProvider) -> None:
    with provider.get_tracer("test").start_as_current_span("invoke_agent support"):
        pass
    ((span, attributes, resource),) = exported(server, provider)
    assert span.name == "invoke_agent support"
    assert attributes == {"gen_ai.agent.name": "support", "gen_ai.agent.version": "1.2"}
    assert resource["service.name"] == "support-service"
    assert resource["deployment.environment.name"] == "test"
    assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_span_may_name_another_agent(server: Loopback, provider: TracerProvider) -> None:
    provider.get_tracer("test").start_span("chat", attributes={"gen_ai.agent.name": "triage"}).end()
    ((_, attributes, _),) = exported(server, provider)
    assert attributes["gen_ai.agent.name"] == "triage"


def test_an_approval_knows_the_current_span(server: Loopback, provider: TracerProvider, blocking: Handrail) -> None:
    with provider.get_tracer("test").start_as_current_span("work") as span:
        blocking.request_approval("restart")
        context = span.get_span_context()
    blocking.request_approval("restart")
    first, second = (each.json() for each in server.requests("POST", "/api/v1/approvals"))
    assert first["trace_id"] == f"{context.trace_id:032x}"
    assert first["span_id"] == f"{context.span_id:016x}"
    assert "trace_id" not in second
    assert "span_id" not in second


def test_a_gated_tool_is_a_tool_span_with_the_arguments_it_ran_with(
    server: Loopback, provider: TracerProvider, blocking: Handrail
) -> None:
    server.on_create = lambda approval: server.decide(approval["id"], "edit", arguments={"amount": 5})

    @approval_required("process_refund", client=blocking, tracer_provider=provider)
    def refund(amount: float) -> dict[str, float]:
        return {"paid": amount}

    refund(12.5)
    ((span, attributes, _),) = exported(server, provider)
    asked = server.requests("POST", "/api/v1/approvals")[0].json()
    assert span.name == "execute_tool process_refund"
    assert asked["span_id"] == span.span_id.hex()
    assert attributes["gen_ai.operation.name"] == "execute_tool"
    assert attributes["gen_ai.tool.name"] == "process_refund"
    assert attributes["gen_ai.tool.call.arguments"] == '{"amount": 5}'
    assert attributes["gen_ai.tool.call.result"] == '{"paid": 5}'
    assert attributes["handrail.approval.id"] in server.approvals


def tuple_keys() -> object:
    return {("o-1", 1): "paid"}


def cycle() -> object:
    found: list[object] = []
    found.append(found)
    return found


def too_deep() -> object:
    found: list[object] = []
    for _ in range(200_000):
        found = [found]
    return found


class Unspeakable:
    def __repr__(self) -> str:
        raise ZeroDivisionError


def unspeakable() -> object:
    return Unspeakable()


UNWRITABLE = [tuple_keys, cycle, too_deep, unspeakable]


@pytest.mark.parametrize("result", UNWRITABLE)
def test_an_action_whose_result_json_cannot_carry_has_succeeded(
    server: Loopback, provider: TracerProvider, blocking: Handrail, result: Callable[[], object]
) -> None:
    server.on_create = lambda approval: server.decide(approval["id"], "approve")
    returned = result()

    @approval_required(client=blocking, tracer_provider=provider)
    def refund(order: str) -> object:
        return returned

    assert refund("o-1") is returned
    (approval,) = server.approvals.values()
    assert approval["outcome"] == {"status": "succeeded", "detail": {}}
    ((span, attributes, _),) = exported(server, provider)
    assert span.status.code == 0
    assert 0 < len(attributes["gen_ai.tool.call.result"]) <= 1000


@pytest.mark.parametrize("result", UNWRITABLE)
async def test_a_coroutine_whose_result_json_cannot_carry_has_succeeded(
    server: Loopback, provider: TracerProvider, result: Callable[[], object]
) -> None:
    server.on_create = lambda approval: server.decide(approval["id"], "approve")
    returned = result()
    async with AsyncHandrail(server.url, KEY) as client:

        @approval_required(client=client, tracer_provider=provider)
        async def refund(order: str) -> object:
            return returned

        assert await refund("o-1") is returned
    (approval,) = server.approvals.values()
    assert approval["outcome"] == {"status": "succeeded", "detail": {}}


def test_a_failure_that_cannot_be_put_into_words_still_marks_the_span(
    server: Loopback, provider: TracerProvider, blocking: Handrail
) -> None:
    server.on_create = lambda approval: server.decide(approval["id"], "approve")

    class Speechless(Exception):
        def __str__(self) -> str:
            raise ZeroDivisionError

    @approval_required(client=blocking, tracer_provider=provider)
    def refund(amount: float) -> None:
        raise Speechless

    with pytest.raises(Speechless):
        refund(1.0)
    ((span, attributes, _),) = exported(server, provider)
    assert span.status.code == 2
    assert attributes["error.type"].endswith("Speechless")


def test_a_rejection_is_no_error_of_the_tool_but_a_failure_is(
    server: Loopback, provider: TracerProvider, blocking: Handrail
) -> None:
    verdicts = iter(["reject", "approve"])
    server.on_create = lambda approval: server.decide(approval["id"], next(verdicts))

    @approval_required(client=blocking, tracer_provider=provider)
    def refund(amount: float) -> None:
        raise OSError("gateway")

    with pytest.raises(ApprovalRejected):
        refund(1.0)
    with pytest.raises(OSError, match="gateway"):
        refund(1.0)
    rejected, failed = exported(server, provider)
    assert rejected[0].status.code == 0
    assert rejected[1]["handrail.approval.status"] == "rejected"
    assert failed[0].status.code == 2
    assert failed[1]["error.type"] == "OSError"
    assert failed[0].events[0].name == "exception"


def test_without_opentelemetry_the_client_works_and_configure_tracing_names_the_extra(server: Loopback) -> None:
    server.on_create = lambda approval: server.decide(approval["id"], "approve")
    program = f"""
import sys
sys.modules["opentelemetry"] = None
import handrail
with handrail.Handrail({server.url!r}, {KEY!r}) as client:
    @handrail.approval_required(client=client)
    def restart(service):
        return service
    assert restart("web") == "web"
try:
    handrail.configure_tracing("x", url={server.url!r}, key={KEY!r})
except handrail.HandrailError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert "handrail[otel]" in done.stdout


def test_an_outcome_is_told_on_the_span_around_it(server: Loopback, provider: TracerProvider) -> None:
    with provider.get_tracer("test").start_as_current_span("execute_tool refund"):
        assert outcome_in_span("a-1", "failed", {"error": "card declined"})
    assert not outcome_in_span("a-1", "failed")
    ((_span, attributes, _resource),) = exported(server, provider)
    assert attributes["handrail.approval.id"] == "a-1"
    assert attributes["handrail.outcome.status"] == "failed"
    assert attributes["handrail.outcome.detail"] == '{"error": "card declined"}'
