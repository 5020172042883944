"""Interrupts of the real LangGraph, and of LangChain's agents, decided by people and resumed, also after a restart."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

import pytest
from loopback import KEY, Loopback

from handrail import ApprovalExpired, ApprovalRejected, AsyncHandrail, Handrail, HandrailError

pytest.importorskip("langgraph")
pytest.importorskip("langchain")

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

from handrail.langgraph import arun, run

Config = Any
THREAD: Config = {"configurable": {"thread_id": "t-1"}}


class State(TypedDict, total=False):
    said: list[Any]


def human_interrupt(action: str, **args: Any) -> dict[str, Any]:
    config = {"allow_ignore": True, "allow_respond": True, "allow_edit": True, "allow_accept": True}
    return {"action_request": {"action": action, "args": args}, "config": config, "description": "Please *look*"}


def graph_of(*nodes: Callable[[State], Any], parallel: bool = False) -> Any:
    """A graph that runs the nodes one after the other, or side by side."""
    builder: Any = StateGraph(State)
    names = [f"node_{place}" for place in range(len(nodes))]
    for name, node in zip(names, nodes, strict=True):
        builder.add_node(name, node)
    if parallel:
        for name in names:
            builder.add_edge(START, name)
            builder.add_edge(name, END)
    else:
        for before, after in zip([START, *names], [*names, END], strict=True):
            builder.add_edge(before, after)
    return builder.compile(checkpointer=InMemorySaver())


def deciding(server: Loopback, *verdicts: dict[str, Any]) -> None:
    """Each request's items are decided with these, in their order."""

    def decide(approval: dict[str, Any]) -> None:
        for place, verdict in enumerate(verdicts):
            server.decide(approval["id"], item=place, **verdict)

    server.on_create = decide


def test_an_edit_of_a_human_interrupt_reaches_the_graph(server: Loopback, blocking: Handrail) -> None:
    deciding(server, {"verdict": "edit", "arguments": {"to": "b@example.org"}}, {"verdict": "approve"})

    def mail(state: State) -> State:
        return {"said": interrupt([human_interrupt("send_email", to="a@example.org"), human_interrupt("archive")])}

    result = run(graph_of(mail), {"said": []}, THREAD, client=blocking, agent="mailer")
    assert result["said"] == [
        {"type": "edit", "args": {"action": "send_email", "args": {"to": "b@example.org"}}},
        {"type": "accept", "args": None},
    ]
    (asked,) = [each.json() for each in server.requests("POST", "/api/v1/approvals")]
    assert asked["actions"][0] == {
        "action": "send_email",
        "arguments": {"to": "a@example.org"},
        "description": "Please *look*",
        "allowed_decisions": ["approve", "edit", "respond", "reject"],
    }
    assert (asked["session_id"], asked["agent"]) == ("t-1", {"name": "mailer"})
    (approval,) = server.approvals.values()
    assert approval["outcome"] == {"status": "succeeded", "detail": {}}


@pytest.mark.parametrize(
    ("verdict", "response"),
    [
        ({"verdict": "respond", "message": "Ask Eve"}, {"type": "response", "args": "Ask Eve"}),
        ({"verdict": "reject", "reason": "no"}, {"type": "ignore", "args": None}),
    ],
)
def test_an_answer_and_a_refusal_have_a_word_in_the_graph(
    server: Loopback, blocking: Handrail, verdict: dict[str, Any], response: dict[str, Any]
) -> None:
    deciding(server, verdict)
    graph = graph_of(lambda state: {"said": interrupt(human_interrupt("send_email"))})
    assert run(graph, {"said": []}, THREAD, client=blocking)["said"] == [response]


def test_a_plain_question_is_answered_in_words(server: Loopback, blocking: Handrail) -> None:
    deciding(server, {"verdict": "respond", "message": "Blue"})
    graph = graph_of(lambda state: {"said": [interrupt("Which colour?")]})
    assert run(graph, {"said": []}, THREAD, client=blocking)["said"] == ["Blue"]
    deciding(server, {"verdict": "reject"})
    with pytest.raises(ApprovalRejected):
        run(graph, {"said": []}, {"configurable": {"thread_id": "t-2"}}, client=blocking)


def test_branches_side_by_side_are_asked_for_together_and_each_gets_its_own(
    server: Loopback, blocking: Handrail
) -> None:
    answers: list[Any] = []

    def asks(name: str) -> Callable[[State], Any]:
        def node(state: State) -> Any:
            answers.append((name, interrupt(human_interrupt(name))[0]["args"]))
            return {}

        return node

    def decide_both(approval: dict[str, Any]) -> None:
        if len(server.approvals) == 2:
            for each in list(server.approvals.values()):
                server.decide(each["id"], "respond", message=f"for {each['action']}")

    server.on_create = decide_both
    run(graph_of(asks("a"), asks("b"), parallel=True), {"said": []}, THREAD, client=blocking)
    assert sorted(answers) == [("a", "for a"), ("b", "for b")]


def test_the_same_question_twice_in_one_node_is_two_requests(server: Loopback, blocking: Handrail) -> None:
    def twice(state: State) -> State:
        return {"said": [interrupt(human_interrupt("pay")), interrupt(human_interrupt("pay"))]}

    verdicts = iter(["approve", "reject"])
    server.on_create = lambda approval: server.decide(approval["id"], next(verdicts))
    result = run(graph_of(twice), {"said": []}, THREAD, client=blocking)
    assert [each[0]["type"] for each in result["said"]] == ["accept", "ignore"]


def test_expiry_leaves_the_thread_where_it_is_and_a_next_run_asks_again(server: Loopback, blocking: Handrail) -> None:
    server.on_create = lambda approval: server.expire(approval["id"])
    graph = graph_of(lambda state: {"said": interrupt(human_interrupt("pay"))})
    with pytest.raises(ApprovalExpired):
        run(graph, {"said": []}, THREAD, client=blocking)
    assert graph.get_state(THREAD).interrupts
    deciding(server, {"verdict": "approve"})
    assert run(graph, None, THREAD, client=blocking)["said"] == [{"type": "accept", "args": None}]
    assert len(server.approvals) == 2


def test_a_graph_that_fails_after_the_decision_is_a_failed_outcome(server: Loopback, blocking: Handrail) -> None:
    deciding(server, {"verdict": "approve"})

    def pay(state: State) -> State:
        interrupt(human_interrupt("pay"))
        raise OSError("gateway")

    with pytest.raises(OSError, match="gateway"):
        run(graph_of(pay), {"said": []}, THREAD, client=blocking)
    (approval,) = server.approvals.values()
    assert approval["outcome"]["status"] == "failed"
    assert approval["outcome"]["detail"]["error"] == {"type": "OSError", "message": "gateway"}


async def test_it_works_awaited_too(server: Loopback) -> None:
    deciding(server, {"verdict": "approve"})

    async def pay(state: State) -> State:
        return {"said": interrupt(human_interrupt("pay"))}

    async with AsyncHandrail(server.url, KEY) as client:
        result = await arun(graph_of(pay), {"said": []}, THREAD, client=client)
    assert result["said"] == [{"type": "accept", "args": None}]


def test_a_thread_must_be_named(blocking: Handrail) -> None:
    with pytest.raises(HandrailError, match="thread_id"):
        run(graph_of(lambda state: {}), {}, {}, client=blocking)


AGENT = """
import sys
from typing import Any, TypedDict
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from handrail import Handrail
from handrail.langgraph import run

class State(TypedDict, total=False):
    said: Any

def pay(state):
    config = {"allow_ignore": True, "allow_respond": False, "allow_edit": True, "allow_accept": True}
    return {"said": interrupt([{"action_request": {"action": "pay", "args": {"amount": 120}}, "config": config}])}

url, key, database, given = sys.argv[1:]
builder = StateGraph(State)
builder.add_node("pay", pay)
builder.add_edge(START, "pay")
builder.add_edge("pay", END)
with SqliteSaver.from_conn_string(database) as saver, Handrail(url, key) as client:
    graph = builder.compile(checkpointer=saver)
    config = {"configurable": {"thread_id": "t-9"}}
    print(run(graph, {} if given == "start" else None, config, client=client)["said"])
"""


def test_an_agent_that_was_killed_goes_on_with_what_was_decided_meanwhile(server: Loopback, tmp_path: Path) -> None:
    command = [sys.executable, "-c", AGENT, server.url, KEY, str(tmp_path / "graph.db")]
    first = subprocess.Popen([*command, "start"])
    server.until(lambda: server.waiting, timeout=60)
    first.kill()
    first.wait()
    (approval,) = server.approvals
    server.decide(approval, "edit", arguments={"amount": 80})
    again = subprocess.run([*command, "resume"], capture_output=True, text=True, timeout=60, check=False)
    assert again.stdout.strip() == "[{'type': 'edit', 'args': {'action': 'pay', 'args': {'amount': 80}}}]", again.stderr
    assert list(server.approvals) == [approval]
    assert server.approvals[approval]["outcome"]["status"] == "succeeded"


class Model(GenericFakeChatModel):
    """Says what it was told to say."""

    def bind_tools(self, tools: Any, **options: Any) -> Any:
        return self


PAID: list[tuple[str, float]] = []


def refund(order: str, amount: float) -> str:
    """Pay money back."""
    PAID.append((order, amount))
    return f"refunded {amount}"


def agent_of(*orders: str, mode: Any = "batched") -> Any:
    PAID.clear()
    calls: Any = [
        {"name": "refund", "args": {"order": order, "amount": 120.0}, "id": f"call-{order}"} for order in orders
    ]
    model = Model(messages=iter([AIMessage(content="", tool_calls=calls), AIMessage(content="Done.")]))
    middleware: Any = HumanInTheLoopMiddleware({"refund": True}, interrupt_mode=mode)
    return create_agent(model, [refund], middleware=[middleware], checkpointer=InMemorySaver())


@pytest.mark.parametrize("mode", ["batched", "per_call"])
def test_the_tools_of_a_langchain_agent_run_as_people_decided(server: Loopback, blocking: Handrail, mode: str) -> None:
    verdicts: dict[str, dict[str, Any]] = {
        "A": {"verdict": "edit", "arguments": {"order": "A", "amount": 80.0}},
        "B": {"verdict": "reject", "reason": "too late"},
        "C": {"verdict": "approve"},
        "D": {"verdict": "respond", "message": "is refunded already"},
    }

    def decide(approval: dict[str, Any]) -> None:
        for place, item in enumerate(approval["items"]):
            server.decide(approval["id"], item=place, **verdicts[item["arguments"]["order"]])

    server.on_create = decide
    asked = {"messages": [{"role": "user", "content": "Refund all four"}]}
    result = run(agent_of("A", "B", "C", "D", mode=mode), asked, THREAD, client=blocking)
    assert sorted(PAID) == [("A", 80.0), ("C", 120.0)]
    told = {each.tool_call_id: str(each.content) for each in result["messages"] if isinstance(each, ToolMessage)}
    assert "refunded 80.0" in told["call-A"]
    assert "too late" in told["call-B"]
    assert told["call-D"] == "is refunded already"
    assert result["messages"][-1].content == "Done."
    assert len(server.approvals) == (1 if mode == "batched" else 4)
    outcomes = [each["outcome"] for each in server.approvals.values() if each["status"] != "rejected"]
    assert {each["status"] for each in outcomes} == {"succeeded"}


def test_a_reviewer_sees_the_schema_of_the_tool(server: Loopback, blocking: Handrail) -> None:
    deciding(server, {"verdict": "approve"})
    run(agent_of("A", mode="per_call"), {"messages": [{"role": "user", "content": "x"}]}, THREAD, client=blocking)
    (asked,) = [each.json()["actions"][0] for each in server.requests("POST", "/api/v1/approvals")]
    assert asked["arguments_schema"]["properties"]["amount"]["type"] == "number"
    assert asked["metadata"] == {"tool_call_id": "call-A"}
    assert sorted(asked["allowed_decisions"]) == ["approve", "edit", "reject", "respond"]
