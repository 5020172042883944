"""LangGraph, and LangChain's agents, which are graphs: what they are interrupted with goes to people, whose decisions
resume them (extra `langgraph`).

    from handrail.langgraph import run

    run(graph, {"messages": [...]}, {"configurable": {"thread_id": "t-1"}})

The graph needs a checkpointer. After a restart of the agent, `run(graph, None, config)` goes on: the approvals of the
thread's open interrupts are found again, decided or not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from langgraph.types import Command

from handrail.client import AsyncHandrail, Handrail
from handrail.errors import HandrailError
from handrail.interrupts import Question, read_interrupt
from handrail.steps import Steps, await_on, block_on, failure, once, record, ruled

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.pregel import Pregel
    from typing_extensions import Unpack

    from handrail.options import RequestOptions

Invoke = Callable[[Any], Any]


def run(
    graph: Pregel[Any, Any, Any, Any],
    input: Any,
    config: RunnableConfig,
    *,
    client: Handrail | None = None,
    **options: Unpack[RequestOptions],
) -> Any:
    """Invoke the graph, and again with what people decided, until nothing interrupts it; returns what it returned.

    input: None goes on with what the thread is at. config: names the thread. options: of every request.

    A rejection reaches the graph in its own words. ApprovalExpired and ApprovalCancelled are raised, and so is
    Unreachable; the thread stays where it is, and a next run asks again, or finds what was decided meanwhile.
    Once the graph has gone on, the outcome is recorded: failed when it raised.
    """
    steps = _steps(
        lambda given: graph.invoke(given, config), lambda: graph.get_state(config), input, _thread(config), options
    )
    return block_on(steps, client)


async def arun(
    graph: Pregel[Any, Any, Any, Any],
    input: Any,
    config: RunnableConfig,
    *,
    client: AsyncHandrail | None = None,
    **options: Unpack[RequestOptions],
) -> Any:
    """`run` for asyncio."""
    steps = _steps(
        lambda given: graph.ainvoke(given, config), lambda: graph.aget_state(config), input, _thread(config), options
    )
    return await await_on(steps, client)


def _steps(invoke: Invoke, state: Callable[[], Any], given: Any, thread: str, options: RequestOptions) -> Steps:
    result = None
    if given is not None:
        result = yield _step(invoke, given)
    elif not (yield lambda _client: state()).interrupts:
        return (yield _step(invoke, None))
    while interrupts := (yield lambda _client: state()).interrupts:
        answers, approvals = yield from _decided(interrupts, thread, options)
        command: Command[Any] = Command(resume=answers)
        try:
            result = yield _step(invoke, command)
        except Exception as error:
            for approval in approvals:
                yield from record(approval, "failed", failure(error))
            raise
        for approval in approvals:
            yield from record(approval, "succeeded", {})
    return result


def _decided(interrupts: Any, thread: str, options: RequestOptions) -> Steps:
    """What to resume each interrupt with, by its id, and the approvals that were not refused.

    All are asked for before the first is waited for: people see them together.
    """
    asked = []
    for interrupt in interrupts:
        question = read_interrupt(interrupt.value, interrupt.response_schema)
        # The interrupt's id is of its place in the graph and of how many answers came before, so the key is too.
        said = once({"session_id": thread, **options}, thread, interrupt.id)
        approval = yield _asking(question, said)
        asked.append((interrupt.id, question, approval))
    answers, granted = {}, []
    for interrupt_id, question, requested in asked:
        approval = yield from ruled(requested)
        answers[interrupt_id] = question.answer(approval)
        if approval.status != "rejected":
            granted.append(approval)
    return answers, granted


def _step(invoke: Invoke, given: Any) -> Callable[[Any], Any]:
    return lambda _client: invoke(given)


def _asking(question: Question, said: Mapping[str, Any]) -> Callable[[Any], Any]:
    return lambda client: client.request_batch(question.actions, **said)


def _thread(config: RunnableConfig) -> str:
    thread = config.get("configurable", {}).get("thread_id")
    if thread is None:
        raise HandrailError("config must name the thread: {'configurable': {'thread_id': ...}}")
    return str(thread)
