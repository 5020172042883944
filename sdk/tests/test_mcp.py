"""`handrail mcp` against the real MCP client, over the pipes of a real process."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from loopback import KEY, Loopback

pytest.importorskip("mcp")

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


@asynccontextmanager
async def connected(server: Loopback) -> AsyncIterator[ClientSession]:
    environment = {"HANDRAIL_URL": server.url, "HANDRAIL_API_KEY": KEY, "PATH": os.environ["PATH"]}
    program = StdioServerParameters(command=sys.executable, args=["-m", "handrail", "mcp"], env=environment)
    async with stdio_client(program) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        yield session


async def call(session: ClientSession, tool: str, **arguments: Any) -> Any:
    """What a tool returned, or the words of its error."""
    result: Any = await session.call_tool(tool, arguments)
    text = result.content[0].text
    return text if result.is_error else json.loads(text)


async def test_the_tools_say_what_they_want(server: Loopback) -> None:
    async with connected(server) as session:
        tools = {each.name: each for each in (await session.list_tools()).tools}
    assert set(tools) == {"request_approval", "check_approval", "check_budget", "record_outcome"}
    assert tools["request_approval"].input_schema["required"] == ["action", "arguments"]
    assert all(each.description for each in tools.values())


async def test_an_agent_asks_looks_again_and_acts_on_the_edit(server: Loopback) -> None:
    async with connected(server) as session:
        asked = await call(session, "request_approval", action="refund", arguments={"amount": 120}, session_id="s")
        assert (asked["status"], asked["may_run"]) == ("pending", False)
        assert "arguments" not in asked
        still = await call(session, "check_approval", approval_id=asked["approval_id"], wait_seconds=0)
        assert still["may_run"] is False
        server.decide(asked["approval_id"], "edit", arguments={"amount": 80}, reason="half")
        decided = await call(session, "check_approval", approval_id=asked["approval_id"])
        assert (decided["may_run"], decided["arguments"], decided["reason"]) == (True, {"amount": 80}, "half")
        recorded = await call(
            session, "record_outcome", approval_id=asked["approval_id"], status="succeeded", detail={"ref": 7}
        )
        assert recorded["recorded"] == "succeeded"
    assert server.approvals[asked["approval_id"]]["outcome"] == {"status": "succeeded", "detail": {"ref": 7}}


@pytest.mark.parametrize("end", ["reject", "respond", "expire"])
async def test_every_other_end_says_that_nothing_may_run(server: Loopback, end: str) -> None:
    def finish(approval: dict[str, Any]) -> None:
        if end == "expire":
            server.expire(approval["id"])
        else:
            server.decide(approval["id"], end, message="Ask Eve", reason="no")

    server.on_create = finish
    async with connected(server) as session:
        found = await call(session, "request_approval", action="refund", arguments={}, wait_seconds=5)
    assert found["may_run"] is False
    assert found["status"] == {"reject": "rejected", "respond": "answered", "expire": "expired"}[end]
    assert found.get("answer") == ("Ask Eve" if end == "respond" else None)


async def test_what_the_server_refuses_is_an_error_in_words(server: Loopback) -> None:
    async with connected(server) as session:
        assert "This field is required" in await call(session, "request_approval", action="", arguments={})
        assert "Not found" in await call(session, "check_approval", approval_id="nothing", wait_seconds=0)
        assert "keeps no budgets" in await call(session, "check_budget", agent="support")
