"""Deferred tools of the real pydantic-ai, decided by people."""

from __future__ import annotations

from typing import Any

import pytest
from loopback import KEY, Loopback

from handrail import ApprovalExpired, AsyncHandrail, Handrail, HandrailError

pytest.importorskip("pydantic_ai")

from pydantic_ai import Agent, ApprovalRequired, CallDeferred, DeferredToolRequests, RunContext
from pydantic_ai.capabilities import HandleDeferredToolCalls
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from handrail.pydantic_ai import handler, resolve_sync, run, run_sync

pytestmark = pytest.mark.usefixtures("loop_of_run_sync")


def calls_then_done(*calls: ToolCallPart) -> FunctionModel:
    """A model that makes these calls at once, and then says what came of them."""

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        returned = [part for part in messages[-1].parts if isinstance(part, ToolReturnPart)]
        if returned:
            return ModelResponse([TextPart("; ".join(f"{part.tool_call_id}: {part.content}" for part in returned))])
        return ModelResponse(list(calls))

    return FunctionModel(answer)


def refund_call(order: str) -> ToolCallPart:
    return ToolCallPart("refund", {"order": order, "amount": 120.0}, tool_call_id=f"call-{order}")


def agent_of(*calls: ToolCallPart, deferring: bool = True, **options: Any) -> tuple[Agent[None, Any], list[Any]]:
    output: Any = [str, DeferredToolRequests] if deferring else str
    agent: Agent[None, Any] = Agent(calls_then_done(*calls), output_type=output, **options)
    ran: list[Any] = []

    @agent.tool
    def refund(context: RunContext[None], order: str, amount: float) -> str:
        if not context.tool_call_approved:
            raise ApprovalRequired(metadata={"why": "money"})
        if amount < 0:
            raise OSError("gateway")
        ran.append((order, amount))
        return f"refunded {amount}"

    @agent.tool_plain
    def ask(question: str) -> str:
        raise CallDeferred(kind="question")

    @agent.tool_plain
    def job(name: str) -> str:
        raise CallDeferred

    return agent, ran


VERDICTS: dict[str, dict[str, Any]] = {
    "A": {"verdict": "edit", "arguments": {"order": "A", "amount": 80.0}},
    "B": {"verdict": "reject", "reason": "too late"},
    "C": {"verdict": "approve"},
    "D": {"verdict": "respond", "message": "is refunded already"},
}


def decide_by_order(server: Loopback) -> None:
    def decide(approval: dict[str, Any]) -> None:
        for place, item in enumerate(approval["items"]):
            server.decide(approval["id"], item=place, **VERDICTS[item["arguments"]["order"]])

    server.on_create = decide


SAID = (
    "call-A: refunded 80.0; call-B: A reviewer denied this call: too late; call-C: refunded 120.0; "
    "call-D: is refunded already"
)


def test_tools_run_as_people_decided(server: Loopback, blocking: Handrail) -> None:
    decide_by_order(server)
    agent, ran = agent_of(*(refund_call(order) for order in VERDICTS))
    result = run_sync(agent, "Refund all four", client=blocking, approvals={"agent": "desk"})
    assert result.output == SAID
    assert sorted(ran) == [("A", 80.0), ("C", 120.0)]
    (asked,) = [each.json() for each in server.requests("POST", "/api/v1/approvals")]
    assert asked["actions"][0]["metadata"] == {"tool_call_id": "call-A", "why": "money"}
    assert asked["agent"] == {"name": "desk"}
    (approval,) = server.approvals.values()
    assert approval["outcome"] == {"status": "succeeded", "detail": {}}


async def test_awaited_they_do_too(server: Loopback) -> None:
    decide_by_order(server)
    agent, _ = agent_of(*(refund_call(order) for order in VERDICTS))
    async with AsyncHandrail(server.url, KEY) as client:
        assert (await run(agent, "Refund all four", client=client)).output == SAID


async def test_while_the_agent_runs_its_calls_are_decided_by_the_handler(server: Loopback) -> None:
    decide_by_order(server)
    async with AsyncHandrail(server.url, KEY) as client:
        capabilities = [HandleDeferredToolCalls(handler=handler(client))]
        calls = [refund_call(order) for order in VERDICTS]
        agent, _ = agent_of(*calls, deferring=False, capabilities=capabilities)
        assert (await agent.run("Refund all four")).output == SAID


def test_a_question_is_answered_in_words(server: Loopback, blocking: Handrail) -> None:
    server.on_create = lambda approval: server.decide(approval["id"], "respond", message="Blue")
    agent, _ = agent_of(ToolCallPart("ask", {"question": "Which colour?"}, tool_call_id="q"))
    assert run_sync(agent, "Paint", client=blocking).output == "q: Blue"
    assert server.seen[1].json()["actions"][0]["allowed_decisions"] == ["respond", "reject"]


def test_a_question_that_nobody_answers_fails_as_a_tool_does(server: Loopback, blocking: Handrail) -> None:
    server.on_create = lambda approval: server.decide(approval["id"], "reject", reason="not my job")
    agent, _ = agent_of(ToolCallPart("ask", {"question": "Which colour?"}, tool_call_id="q"))
    assert "Nobody answered: not my job" in run_sync(agent, "Paint", client=blocking).output


def test_a_call_that_runs_elsewhere_is_nobodys_to_decide(server: Loopback, blocking: Handrail) -> None:
    agent, _ = agent_of(ToolCallPart("job", {"name": "x"}, tool_call_id="j"))
    with pytest.raises(HandrailError, match="job: calls that run outside"):
        run_sync(agent, "Go", client=blocking)
    assert server.approvals == {}


def test_a_tool_that_fails_is_a_failed_outcome(server: Loopback, blocking: Handrail) -> None:
    server.on_create = lambda approval: server.decide(approval["id"], "edit", arguments={"order": "A", "amount": -1.0})
    agent, _ = agent_of(refund_call("A"))
    with pytest.raises(OSError, match="gateway"):
        run_sync(agent, "Refund", client=blocking)
    (approval,) = server.approvals.values()
    assert approval["outcome"]["status"] == "failed"


def test_expiry_is_raised_and_nothing_runs(server: Loopback, blocking: Handrail) -> None:
    server.on_create = lambda approval: server.expire(approval["id"])
    agent, ran = agent_of(refund_call("A"))
    with pytest.raises(ApprovalExpired):
        run_sync(agent, "Refund", client=blocking)
    assert ran == []


def test_after_a_restart_the_same_calls_are_not_asked_for_twice(server: Loopback) -> None:
    agent, ran = agent_of(refund_call("A"))
    first = agent.run_sync("Refund")
    for verdict in (None, "approve"):
        with Handrail(server.url, KEY) as client:
            if verdict is None:
                # Asked, and killed before the answer came.
                with pytest.raises(TimeoutError):
                    _impatient(client, first.output)
                continue
            server.decide(next(iter(server.approvals)), verdict)
            results = resolve_sync(first.output, client=client, session_id="s-1")
    assert len(server.approvals) == 1
    second = agent.run_sync(message_history=first.all_messages(), deferred_tool_results=results)
    assert second.output == "call-A: refunded 120.0"
    assert ran == [("A", 120.0)]


def _impatient(client: Handrail, requests: DeferredToolRequests) -> None:
    wait = client.wait
    client.wait = lambda approval, **_: wait(approval, timeout=0)  # type: ignore[method-assign]
    resolve_sync(requests, client=client, session_id="s-1")


def test_the_same_call_id_in_another_session_is_another_question(server: Loopback, blocking: Handrail) -> None:
    server.on_create = lambda approval: server.decide(approval["id"], "approve")
    for order in ("A", "B"):
        agent, ran = agent_of(ToolCallPart("refund", {"order": order, "amount": 1.0}, tool_call_id="call-1"))
        run_sync(agent, "Refund", client=blocking)
        assert ran == [(order, 1.0)]
    for order in ("C", "D"):
        agent, _ = agent_of(ToolCallPart("refund", {"order": order, "amount": 1.0}, tool_call_id="call-1"))
        results = resolve_sync(agent.run_sync("Refund").output, client=blocking)
        assert results.approvals
    assert len(server.approvals) == 4
