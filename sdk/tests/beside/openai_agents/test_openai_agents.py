"""Interruptions of the real OpenAI Agents SDK, decided by people."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import pytest
from agents import Agent, Runner, RunState, function_tool, set_tracing_disabled
from agents.testing import ScriptedModel, assistant_message, function_call
from loopback import KEY, Loopback

from handrail import ApprovalExpired, AsyncHandrail, Handrail
from handrail.openai_agents import run, run_sync

set_tracing_disabled(True)
pytestmark = pytest.mark.usefixtures("loop_of_run_sync")


def refunds(*orders: str, amount: float = 120.0, suffix: str = "") -> Any:
    return [
        function_call(
            name="refund",
            arguments=json.dumps({"order": order, "amount": amount}),
            call_id=f"call-{order}{suffix}",
        )
        for order in orders
    ]


def agent_of(*turns: Any) -> tuple[Agent[Any], list[Any], ScriptedModel]:
    ran: list[Any] = []

    @function_tool(needs_approval=True, failure_error_function=None)
    def refund(order: str, amount: float) -> str:
        """Pay money back."""
        if amount < 0:
            raise OSError("gateway")
        ran.append((order, amount))
        return f"refunded {amount}"

    model = ScriptedModel([*turns, [assistant_message("Done.")]])
    return Agent(name="desk", model=model, tools=[refund]), ran, model


def told(result: Any) -> dict[str, str]:
    """What the model read in the place of each call."""
    return {
        each["call_id"]: str(each["output"])
        for each in result.to_input_list()
        if each.get("type") == "function_call_output"
    }


def deciding(server: Loopback, **verdicts: dict[str, Any]) -> None:
    def decide(approval: dict[str, Any]) -> None:
        for place, item in enumerate(approval["items"]):
            server.decide(approval["id"], item=place, **verdicts[item["arguments"]["order"]])

    server.on_create = decide


def test_calls_run_as_people_decided(server: Loopback, blocking: Handrail) -> None:
    deciding(
        server,
        B={"verdict": "reject", "reason": "too late"},
        C={"verdict": "approve"},
        D={"verdict": "respond", "message": "is refunded already"},
    )
    agent, ran, _ = agent_of(refunds("B", "C", "D"))
    result = run_sync(agent, "Refund all", client=blocking, approvals={"session_id": "s-1"})
    assert result.final_output == "Done."
    assert ran == [("C", 120.0)]
    assert told(result) == {
        "call-B": "A human reviewer denied this call. too late",
        "call-C": "refunded 120.0",
        "call-D": "is refunded already",
    }
    (approval,) = server.approvals.values()
    assert (approval["session_id"], approval["outcome"]["status"]) == ("s-1", "succeeded")


def test_an_edit_is_told_to_the_model_and_its_new_call_runs_once_without_asking_again(
    server: Loopback, blocking: Handrail
) -> None:
    edit = {"verdict": "edit", "arguments": {"order": "A", "amount": 80.0}}
    verdicts = iter([edit, {"verdict": "reject"}])
    server.on_create = lambda approval: server.decide(approval["id"], **next(verdicts))
    mended, again = refunds("A", amount=80.0, suffix="-2"), refunds("A", amount=80.0, suffix="-3")
    agent, ran, _ = agent_of(refunds("A"), mended, again)
    result = run_sync(agent, "Refund", client=blocking)
    assert ran == [("A", 80.0)]
    said = told(result)
    assert '{"order": "A", "amount": 80.0}' in said["call-A"]
    assert said["call-A-2"] == "refunded 80.0"
    assert said["call-A-3"].startswith("A human reviewer denied")
    first, second = server.approvals.values()
    assert list(server.consumed) == [first["id"]]
    assert first["outcome"]["status"] == "succeeded"
    assert second["outcome"] is None


def test_a_model_that_does_not_keep_to_the_edit_is_asked_about_anew(server: Loopback, blocking: Handrail) -> None:
    verdicts = iter([{"verdict": "edit", "arguments": {"order": "A", "amount": 80.0}}, {"verdict": "reject"}])
    server.on_create = lambda approval: server.decide(approval["id"], **next(verdicts))
    agent, ran, _ = agent_of(refunds("A"), refunds("A", amount=90.0, suffix="-2"))
    run_sync(agent, "Refund", client=blocking)
    assert ran == []
    assert len(server.approvals) == 2


async def test_awaited_it_works_too_and_goes_on_after_a_restart(server: Loopback) -> None:
    agent, ran, _ = agent_of(refunds("A"))
    server.on_create = lambda approval: server.expire(approval["id"])
    async with AsyncHandrail(server.url, KEY) as client:
        with pytest.raises(ApprovalExpired):
            await run(agent, "Refund", client=client, approvals={"session_id": "s-1"})
    assert ran == []


async def test_a_stored_state_goes_on_and_finds_what_was_decided(server: Loopback) -> None:
    agent, ran, _ = agent_of(refunds("A"))
    stored = (await Runner.run(agent, "Refund")).to_state().to_string()

    async def go_on() -> Any:
        state: RunState[Any, Any] = await RunState.from_string(agent, stored)
        async with AsyncHandrail(server.url, KEY) as client:
            return await run(agent, state, client=client, approvals={"session_id": "s-1"})

    killed = asyncio.create_task(go_on())
    await asyncio.to_thread(server.until, lambda: server.waiting)
    killed.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await killed
    server.decide(next(iter(server.approvals)), "approve")
    assert (await go_on()).final_output == "Done."
    assert ran == [("A", 120.0)]
    assert len(server.approvals) == 1


def test_a_tool_that_fails_is_a_failed_outcome(server: Loopback, blocking: Handrail) -> None:
    deciding(server, A={"verdict": "approve"})
    agent, _, _ = agent_of(refunds("A", amount=-1.0))
    with pytest.raises(Exception, match="gateway"):
        run_sync(agent, "Refund", client=blocking)
    (approval,) = server.approvals.values()
    assert approval["outcome"]["status"] == "failed"
