"""OpenAI Agents SDK: tool calls that need approval are decided by people (extra `openai-agents`).

    from handrail.openai_agents import run_sync

    result = run_sync(agent, "Refund order A-1042")

The SDK knows approval and rejection. An edit is told to the model as a rejection that carries the arguments which a
reviewer approved; when the model then makes that very call, it runs without asking again, once: the receipt of the
edit is used up. After a restart, `run(agent, await RunState.from_string(agent, stored))` goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agents import Runner, RunState

from handrail.client import AsyncHandrail, Handrail
from handrail.errors import HandrailError, ReceiptRefused
from handrail.receipts import arguments_hash
from handrail.steps import Steps, await_on, block_on, failure, once, record, ruled

if TYPE_CHECKING:
    from agents import Agent
    from agents.items import ToolApprovalItem
    from agents.result import RunResult

    from handrail.approvals import Approval, Item
    from handrail.options import Action, RequestOptions

EDITED = (
    "This call did not run. A human reviewer approved the same tool with other arguments. If you still want it, call "
    "{tool} with exactly these arguments: {arguments}"
)
DENIED = "A human reviewer denied this call."


def run_sync(
    agent: Agent[Any],
    input: Any,
    *,
    client: Handrail | None = None,
    approvals: RequestOptions | None = None,
    **arguments: Any,
) -> RunResult:
    """Run the agent, and again with what people decided, until nothing interrupts it.

    input, arguments: as for `Runner.run_sync`, a RunState too. approvals: options of every request; with a
    `session_id`, calls that were asked for before a restart are found again.

    ApprovalExpired, ApprovalCancelled and Unreachable are raised.
    """
    steps = _Run(lambda given: Runner.run_sync(agent, given, **arguments), approvals or {}).steps(input)
    return block_on(steps, client)  # type: ignore[no-any-return]


async def run(
    agent: Agent[Any],
    input: Any,
    *,
    client: AsyncHandrail | None = None,
    approvals: RequestOptions | None = None,
    **arguments: Any,
) -> RunResult:
    """`run_sync` for asyncio."""
    steps = _Run(lambda given: Runner.run(agent, given, **arguments), approvals or {}).steps(input)
    return await await_on(steps, client)  # type: ignore[no-any-return]


@dataclass
class _Run:
    """One run over all its interruptions. edits: what reviewers approved in other words, by tool and arguments."""

    run: Callable[[Any], Any]
    options: RequestOptions
    edits: dict[tuple[str, str], tuple[Approval, Item]] = field(default_factory=dict)

    def steps(self, given: Any) -> Steps:
        # A stored state that waits for people has nothing to run before they decided.
        waits = isinstance(given, RunState) and given.get_interruptions()
        if waits:
            result = yield from self._resume(given, waits)
        else:
            result = yield lambda _client: self.run(given)
        while result.interruptions:
            result = yield from self._resume(result.to_state(), result.interruptions)
        return result

    def _resume(self, state: Any, pending: list[ToolApprovalItem]) -> Steps:
        acted = yield from self._decide(state, pending)
        return (yield from self._go_on(state, acted))

    def _go_on(self, state: Any, acted: list[Approval]) -> Steps:
        try:
            result = yield lambda _client: self.run(state)
        except Exception as error:
            for approval in acted:
                yield from record(approval, "failed", failure(error))
            raise
        for approval in acted:
            yield from record(approval, "succeeded", {})
        return result

    def _decide(self, state: Any, pending: list[ToolApprovalItem]) -> Steps:
        """Tell the state what was decided; returns the approvals by which something runs now."""
        acted, fresh = [], []
        for call in pending:
            edit = self.edits.pop(_fingerprint(call), None)
            if edit is not None and (yield from _used_up(*edit)):
                state.approve(call)
                acted.append(edit[0])
            else:
                fresh.append(call)
        if fresh:
            approval: Approval = yield from self._ask(fresh)
            for call, item in zip(fresh, approval.items, strict=True):
                self._apply(state, call, item, approval)
            if any(item.decision and item.decision.verdict == "approve" for item in approval.items):
                acted.append(approval)
        return acted

    def _ask(self, calls: list[ToolApprovalItem]) -> Steps:
        said = once(self.options, *(call.call_id or "" for call in calls))
        requested = yield lambda client: client.request_batch([_action(call) for call in calls], **said)
        return (yield from ruled(requested))

    def _apply(self, state: Any, call: ToolApprovalItem, item: Item, approval: Approval) -> None:
        decision = item.decision
        if decision is None:
            raise HandrailError(f"{item.action} of {approval.id} is {item.status} without a decision")
        if decision.verdict == "approve":
            state.approve(call)
        elif decision.verdict == "edit":
            edited = dict(decision.arguments or {})
            self.edits[item.action, arguments_hash(edited)] = (approval, item)
            words = EDITED.format(tool=item.action, arguments=json.dumps(edited, ensure_ascii=False))
            state.reject(call, rejection_message=words)
        elif decision.verdict == "respond":
            state.reject(call, rejection_message=decision.message)
        else:
            state.reject(call, rejection_message=f"{DENIED} {decision.reason}".strip())


def _used_up(approval: Approval, item: Item) -> Steps:
    """Whether the edit is good for this one run. Otherwise it has been used, and people are asked again."""
    decision = item.decision
    assert decision is not None
    try:
        yield lambda client: client.consume(
            approval, decision.arguments or {}, item=item.index, receipt=decision.receipt
        )
    except ReceiptRefused:
        return False
    return True


def _action(call: ToolApprovalItem) -> Action:
    arguments = _arguments(call)
    return {
        "action": _name(call),
        "arguments": {"input": call.arguments} if arguments is None else arguments,
        # What is not a JSON object cannot be edited as one.
        "allowed_decisions": ["approve", "reject", "respond"] if arguments is None else None,
        "metadata": {"tool_call_id": call.call_id},
    }


def _fingerprint(call: ToolApprovalItem) -> tuple[str, str]:
    return _name(call), arguments_hash(_arguments(call) or {})


def _name(call: ToolApprovalItem) -> str:
    return call.qualified_name or call.name or "tool"


def _arguments(call: ToolApprovalItem) -> Mapping[str, Any] | None:
    try:
        found = json.loads(call.arguments or "{}")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
