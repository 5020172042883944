"""`handrail mcp`: approvals as tools of the Model Context Protocol, over stdio (extra `mcp`).

An agent that speaks MCP asks with `request_approval`, looks again with `check_approval` until something is decided,
and says with `record_outcome` how it went. Tools return at once or after the seconds they were told to wait, because
clients give up on a call long before a person has decided.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from handrail.approvals import Approval
from handrail.client import AsyncHandrail
from handrail.errors import HandrailError, NotApproved, WaitTimeout
from handrail.options import OutcomeStatus

LONGEST_WAIT_SECONDS = 50
INSTRUCTIONS = (
    "Ask a person before you act: call request_approval with the action and its exact arguments. Act only when "
    "may_run is true, and only with the arguments in the answer: a reviewer may have changed them. While the status "
    "is pending, call check_approval. Anything else means that the action must not run."
)
Wait = Annotated[int, Field(ge=0, le=LONGEST_WAIT_SECONDS, description="Seconds to wait for a decision.")]


def serve(url: str | None, key: str | None) -> None:
    """Serve on standard input and output until the client goes away. Raises HandrailError when nobody is named."""
    # Looked at here, so that a missing address is said before a client waits for an answer.
    client = AsyncHandrail(url, key)
    server_for(client).run("stdio")


def server_for(client: AsyncHandrail) -> MCPServer[Any]:
    """The server, whose tools act with this client; the client is closed with it."""

    @asynccontextmanager
    async def closing(_server: MCPServer[Any]) -> AsyncIterator[None]:
        async with client:
            yield

    server: MCPServer[Any] = MCPServer("handrail", instructions=INSTRUCTIONS, lifespan=closing)
    tools = _Tools(client)
    for tool in (tools.request_approval, tools.check_approval, tools.check_budget, tools.record_outcome):
        server.tool()(tool)
    return server


class _Tools:
    """The tools; their docstrings are what a model reads."""

    def __init__(self, client: AsyncHandrail) -> None:
        self._client = client

    async def request_approval(
        self,
        action: Annotated[str, Field(description="Name of what is to be done, for instance process_refund.")],
        arguments: Annotated[dict[str, Any], Field(description="Exactly what it would run with.")],
        summary: Annotated[str, Field(description="One line for the reviewer.")] = "",
        context: Annotated[dict[str, Any] | None, Field(description="Facts the decision rests on.")] = None,
        session_id: Annotated[str, Field(description="The conversation this belongs to.")] = "",
        timeout_seconds: Annotated[int | None, Field(description="When the request expires.")] = None,
        wait_seconds: Wait = 0,
    ) -> dict[str, Any]:
        """Ask people whether an action may run. Act only when may_run is true, with the arguments in the answer."""
        try:
            approval = await self._client.request_approval(
                action,
                arguments,
                summary=summary or None,
                context=context,
                session_id=session_id or None,
                timeout_seconds=timeout_seconds,
            )
        except HandrailError as error:
            raise ToolError(str(error)) from error
        return await self._now(approval, wait_seconds)

    async def check_approval(
        self,
        approval_id: Annotated[str, Field(description="The id that request_approval returned.")],
        wait_seconds: Wait = 20,
    ) -> dict[str, Any]:
        """Look at a request again, waiting some seconds for a decision. While it is pending, do not act: look again."""
        try:
            return await self._now(await self._client.get(approval_id), wait_seconds)
        except HandrailError as error:
            raise ToolError(str(error)) from error

    async def check_budget(
        self,
        agent: Annotated[str, Field(description="Whose budgets count, besides those for everything.")] = "",
        model: Annotated[str, Field(description="The model that would be used.")] = "",
    ) -> dict[str, Any]:
        """Ask what is left of the budgets before spending more."""
        said = {name: value for name, value in (("agent", agent), ("model", model)) if value}
        try:
            return dict(await self._client.check_budget(**said))
        except HandrailError as error:
            raise ToolError("This Handrail keeps no budgets." if error.status == 404 else str(error)) from error

    async def record_outcome(
        self,
        approval_id: Annotated[str, Field(description="The id that request_approval returned.")],
        status: Annotated[OutcomeStatus, Field(description="How the approved action went.")],
        detail: Annotated[dict[str, Any] | None, Field(description="What there is to know about it.")] = None,
    ) -> dict[str, Any]:
        """Say how an approved action went, after it ran."""
        try:
            await self._client.record_outcome(approval_id, status, detail)
        except HandrailError as error:
            raise ToolError(str(error)) from error
        return {"approval_id": approval_id, "recorded": status}

    async def _now(self, approval: Approval, wait_seconds: int) -> dict[str, Any]:
        """The request after at most `wait_seconds`; no end of it is an error."""
        try:
            if approval.is_open and wait_seconds > 0:
                approval = await self._client.wait(approval, timeout=wait_seconds)
        except (NotApproved, WaitTimeout) as end:
            approval = end.approval
        except HandrailError as error:
            raise ToolError(str(error)) from error
        return described(approval)


def described(approval: Approval) -> dict[str, Any]:
    """A request as a model reads it. Of several actions each says for itself what may run."""
    decision, several = approval.decision, len(approval.items) > 1
    approved = approval.is_approved and not several
    said: dict[str, Any] = {
        "approval_id": approval.id,
        "status": approval.status,
        "may_run": approved,
        "url": approval.url,
    }
    if approved:
        said["arguments"] = dict(approval.final_arguments)
    if approval.answer is not None:
        said["answer"] = approval.answer
    if decision is not None and decision.reason:
        said["reason"] = decision.reason
    if several:
        said["items"] = [_item(item) for item in approval.raw["items"]]
    questions = [each.get("text") for each in approval.messages if each.get("kind") == "question"]
    if approval.is_open and questions:
        said["questions"] = questions
    return said


def _item(item: Mapping[str, Any]) -> dict[str, Any]:
    """One of several actions. It may run only with the arguments that were decided on: none others are told."""
    said = {"index": item["index"], "action": item["action"], "status": item["status"], "may_run": False}
    if item.get("effect") == "allow":
        said |= {"may_run": True, "arguments": item["decision"]["arguments"]}
    return said
