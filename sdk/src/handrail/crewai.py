"""CrewAI: what a task with `human_input=True` asks at the terminal goes to people's queue instead (extra `crewai`).

    from handrail.crewai import HumanInput

    with HumanInput(agent="research"):
        crew.kickoff()

A reviewer approves the answer, edits it, or responds with what should be different, whereupon the agent works on and
asks again. A rejection, like every end that nobody approved, raises CrewAI's HookAborted, caused by ApprovalRejected
(ApprovalExpired, Unreachable, ...): with any other exception CrewAI would do the whole task once more.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Token
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from crewai.core.providers.human_input import SyncHumanInputProvider, reset_provider, set_provider
from crewai.hooks.dispatch import HookAborted

from handrail.client import AsyncHandrail, Handrail
from handrail.errors import ApprovalRejected, HandrailError
from handrail.steps import Steps, await_on, block_on, failure, record, ruled

if TYPE_CHECKING:
    from crewai.agents.parser import AgentFinish
    from crewai.core.providers.human_input import AsyncExecutorContext, ExecutorContext
    from typing_extensions import Self, Unpack

    from handrail.approvals import Approval
    from handrail.options import Action, RequestOptions, Verdict

ACTION = "give_final_answer"


class HumanInput(SyncHumanInputProvider):
    """CrewAI's provider of human input, for the code inside its `with`.

    client: for crews that are kicked off in the ordinary way; async_client: for `akickoff`. Made from the environment
    when left out. options: of every request.
    """

    def __init__(
        self,
        client: Handrail | None = None,
        async_client: AsyncHandrail | None = None,
        **options: Unpack[RequestOptions],
    ) -> None:
        self._client = client
        self._async_client = async_client
        self._options = options
        self._token: Token[Any] | None = None

    def __enter__(self) -> Self:
        self._token = set_provider(self)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._token is not None:
            reset_provider(self._token)

    def handle_feedback(self, formatted_answer: AgentFinish, context: ExecutorContext) -> AgentFinish:
        """Have the answer reviewed, again and again until it is approved."""
        steps = self._reviewed(formatted_answer, context, context._invoke_loop)
        try:
            return block_on(steps, self._client)  # type: ignore[no-any-return]
        except HandrailError as error:
            raise HookAborted(str(error), source="handrail") from error

    async def handle_feedback_async(self, formatted_answer: AgentFinish, context: AsyncExecutorContext) -> AgentFinish:
        """`handle_feedback` for asyncio."""
        steps = self._reviewed(formatted_answer, context, context._ainvoke_loop)
        try:
            return await await_on(steps, self._async_client)  # type: ignore[no-any-return]
        except HandrailError as error:
            raise HookAborted(str(error), source="handrail") from error

    def _reviewed(self, answer: AgentFinish, context: ExecutorContext, go_on: Callable[[], Any]) -> Steps:
        trains = context._is_training_mode()
        while context.ask_for_human_input:
            action = self._action(answer, context)
            requested = yield _asking(action, self._options)
            approval: Approval = yield from ruled(requested)
            decision = approval.items[0].decision if approval.items else approval.decision
            if decision is None:
                raise HandrailError(f"{approval.id} is {approval.status} without a decision")
            if decision.verdict == "reject":
                raise ApprovalRejected(approval)
            if decision.verdict == "respond":
                if trains:
                    context._handle_crew_training_output(answer, decision.message)
                context.messages.append(context._format_feedback_message(decision.message))
                answer = yield from _worked_on(approval, go_on)
                if not trains:
                    continue
                context._handle_crew_training_output(answer)
            elif decision.verdict == "edit":
                words = str((decision.arguments or {}).get("answer", ""))
                answer = replace(answer, output=words)
                yield from record(approval, "succeeded", {})
            else:
                yield from record(approval, "succeeded", {})
            context.ask_for_human_input = False
        return answer

    def _action(self, answer: AgentFinish, context: ExecutorContext) -> Action:
        # What a task wants as an object of its own is not edited as a text.
        edit: list[Verdict] = ["edit"] if isinstance(answer.output, str) else []
        task = context.task
        asked: Action = {
            "action": ACTION,
            "arguments": {"answer": self._get_output_string(answer)},
            "description": task.description if task else None,
            "allowed_decisions": ["approve", *edit, "respond", "reject"],
            "metadata": {"role": context.agent.role} if context.agent else None,
        }
        return asked


def _asking(action: Action, options: RequestOptions) -> Callable[[Any], Any]:
    return lambda client: client.request_batch([action], **options)


def _worked_on(approval: Approval, go_on: Callable[[], Any]) -> Steps:
    try:
        answer = yield lambda _client: go_on()
    except Exception as error:
        yield from record(approval, "failed", failure(error))
        raise
    yield from record(approval, "succeeded", {})
    return answer
