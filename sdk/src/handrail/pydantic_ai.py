"""pydantic-ai: tool calls that need approval, and questions, are decided by people (extra `pydantic-ai`).

    from handrail.pydantic_ai import run_sync

    agent = Agent(model, output_type=[str, DeferredToolRequests])
    result = run_sync(agent, "Refund order A-1042")

An agent may also have its calls decided while it runs, without `DeferredToolRequests` as an output:

    agent = Agent(model, capabilities=[HandleDeferredToolCalls(handler=handler())])
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic_ai import DeferredToolRequests, DeferredToolResults, ToolApproved, ToolDenied
from pydantic_ai.exceptions import ToolFailed
from pydantic_ai.messages import ModelRequest, RetryPromptPart, ToolCallPart, ToolReturnPart

from handrail.client import AsyncHandrail, Handrail
from handrail.errors import HandrailError
from handrail.steps import Steps, await_on, block_on, failure, once, record, ruled

if TYPE_CHECKING:
    from pydantic_ai import Agent
    from pydantic_ai.agent import AgentRunResult
    from pydantic_ai.tools import RunContext
    from typing_extensions import Unpack

    from handrail.approvals import Approval, Item
    from handrail.options import Action, RequestOptions

Run = Callable[..., Any]


def run_sync(
    agent: Agent[Any, Any],
    prompt: Any,
    *,
    client: Handrail | None = None,
    approvals: RequestOptions | None = None,
    **arguments: Any,
) -> AgentRunResult[Any]:
    """Run the agent, and again with what people decided, until it has an output of its own.

    approvals: options of every request. arguments: as for `agent.run_sync`.

    After a restart, with the message history and the DeferredToolRequests of the last run: `resolve_sync` finds what
    was asked before. ApprovalExpired, ApprovalCancelled and Unreachable are raised.
    """
    return block_on(_steps(agent.run_sync, prompt, arguments, approvals or {}), client)  # type: ignore[no-any-return]


async def run(
    agent: Agent[Any, Any],
    prompt: Any,
    *,
    client: AsyncHandrail | None = None,
    approvals: RequestOptions | None = None,
    **arguments: Any,
) -> AgentRunResult[Any]:
    """`run_sync` for asyncio."""
    return await await_on(_steps(agent.run, prompt, arguments, approvals or {}), client)  # type: ignore[no-any-return]


def resolve_sync(
    requests: DeferredToolRequests, *, client: Handrail | None = None, **options: Unpack[RequestOptions]
) -> DeferredToolResults:
    """Have people decide on what an agent deferred; pass the results to its next run.

    With a `session_id`, requests that were made before a restart are found again by the ids of their tool calls.
    """
    results, _ = block_on(_resolved(requests, options), client)
    return results  # type: ignore[no-any-return]


async def resolve(
    requests: DeferredToolRequests, *, client: AsyncHandrail | None = None, **options: Unpack[RequestOptions]
) -> DeferredToolResults:
    """`resolve_sync` for asyncio."""
    results, _ = await await_on(_resolved(requests, options), client)
    return results  # type: ignore[no-any-return]


def handler(
    client: AsyncHandrail | None = None, **options: Unpack[RequestOptions]
) -> Callable[[RunContext[Any], DeferredToolRequests], Awaitable[DeferredToolResults]]:
    """For `HandleDeferredToolCalls`: the agent's calls are decided while it runs."""

    async def handle(_context: RunContext[Any], requests: DeferredToolRequests) -> DeferredToolResults:
        return await resolve(requests, client=client, **options)

    return handle


def _steps(run: Run, prompt: Any, arguments: Mapping[str, Any], options: RequestOptions) -> Steps:
    result = yield lambda _client: run(prompt, **arguments)
    while isinstance(result.output, DeferredToolRequests):
        said: RequestOptions = {"session_id": result.conversation_id, **options}
        results, approval = yield from _resolved(result.output, said)
        again = {
            **arguments,
            "message_history": result.all_messages(),
            "deferred_tool_results": results,
        }
        try:
            result = yield _step(run, again)
        except Exception as error:
            if approval.status != "rejected":
                yield from record(approval, "failed", failure(error))
            raise
        if approval.status != "rejected":
            failed = _failures(result, {*results.approvals})
            yield from record(approval, "failed" if failed else "succeeded", {"failed": failed} if failed else {})
    return result


def _step(run: Run, arguments: Mapping[str, Any]) -> Callable[[Any], Any]:
    return lambda _client: run(None, **arguments)


def _resolved(requests: DeferredToolRequests, options: RequestOptions) -> Steps:
    """The results, and the approval that they come from."""
    questions = [call for call in requests.calls if requests.kind(call.tool_call_id) == "question"]
    if len(questions) < len(requests.calls):
        external = sorted({call.tool_name for call in requests.calls if call not in questions})
        raise HandrailError(f"{', '.join(external)}: calls that run outside the agent are not for people to decide")
    calls = [*requests.approvals, *questions]
    actions = [_action(call, requests) for call in calls]
    said = once(options, *(call.tool_call_id for call in calls))
    requested = yield lambda client: client.request_batch(actions, **said)
    approval: Approval = yield from ruled(requested)
    results = DeferredToolResults()
    for call, item in zip(calls, approval.items, strict=True):
        if call in questions:
            results.calls[call.tool_call_id] = _answer(item)
        else:
            results.approvals[call.tool_call_id] = _verdict(item)
        if item.decision is not None and item.decision.reviewers:
            results.answered_by[call.tool_call_id] = item.decision.reviewers[0].name
    return results, approval


def _action(call: ToolCallPart, requests: DeferredToolRequests) -> Action:
    asks = requests.kind(call.tool_call_id) == "question"
    return {
        "action": call.tool_name,
        "arguments": call.args_as_dict(),
        "allowed_decisions": ["respond", "reject"] if asks else None,
        "metadata": {"tool_call_id": call.tool_call_id, **requests.metadata.get(call.tool_call_id, {})},
    }


def _verdict(item: Item) -> ToolApproved | ToolDenied:
    decision = item.decision
    if decision is None:
        raise HandrailError(f"{item.action} is {item.status} without a decision")
    if decision.verdict == "edit":
        return ToolApproved(override_args=dict(decision.arguments or {}))
    if decision.verdict == "approve":
        return ToolApproved()
    if decision.verdict == "respond":
        # The framework has no word for it, but this is what the model reads in the tool's place.
        return ToolDenied(decision.message)
    return ToolDenied(f"A reviewer denied this call: {decision.reason}") if decision.reason else ToolDenied()


def _answer(item: Item) -> str | ToolFailed:
    if item.decision is not None and item.decision.verdict == "respond":
        return item.decision.message
    reason = item.decision.reason if item.decision else ""
    return ToolFailed(f"Nobody answered: {reason}" if reason else "Nobody answered.")


def _failures(result: AgentRunResult[Any], call_ids: set[str]) -> list[str]:
    """Which of the approved tools did not do what they were called for."""
    failed = []
    for message in result.new_messages():
        for part in message.parts if isinstance(message, ModelRequest) else ():
            if isinstance(part, ToolReturnPart | RetryPromptPart) and part.tool_call_id in call_ids:
                done = isinstance(part, ToolReturnPart) and part.outcome in ("success", "denied")
                failed += [] if done else [part.tool_name or ""]
    return failed
