"""/mcp, asked by the protocol's own client over real HTTP."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from asgiref.sync import sync_to_async
from django.test import Client as DjangoClient
from handrail.approvals import parse_approval
from handrail.client import AsyncHandrail
from handrail.errors import HandrailError
from handrail.mcp import INSTRUCTIONS as instructions_of_the_client
from handrail.mcp import described as described_by_the_client
from handrail.mcp import server_for
from mcp.shared.exceptions import MCPError

from agents.authentication import Caller
from agents.models import Project
from agents.permissions import Scope
from console.lib import clock
from metrics.models import Budget
from reviews import states
from reviews.api import mcp
from reviews.api import wakeups as wakeups_module
from reviews.models import Approval
from reviews.services.decisions import Ruling, decide
from reviews.services.information import request_info
from reviews.tool_definitions import INSTRUCTIONS, TOOLS, described
from tests.reviews.conftest import Api, make_key, make_token
from tests.reviews.mcp.conftest import ALL
from tests.reviews.mcp.speaking import connected, message, plain_headers, told
from tests.waiting import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("database_threads", "listening")]

Json = dict[str, Any]

MODES = ("legacy", "2026-07-28", "auto")


async def ruled(approval_id: str, by: Caller, **ruling: Any) -> None:
    approval = await Approval.objects.select_related("project").aget(pk=approval_id)
    found = Ruling(**{"verdict": states.Verdict.APPROVE, **ruling})
    await sync_to_async(decide)(approval=approval, by=by, ruling=found, now=clock.now())


@pytest.mark.parametrize("mode", MODES)
async def test_an_agent_asks_looks_again_acts_on_the_edit_and_says_how_it_went(
    address: str, secret: str, ana: Caller, project: Project, mode: str
) -> None:
    async with connected(address, secret, mode) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == {tool["name"] for tool in TOOLS}
        asked = await told(
            client,
            "request_approval",
            action="refund",
            arguments={"amount": 2**70},
            session_id="s",
            context={"a": 1},
        )
        assert (asked["status"], asked["may_run"], "arguments" in asked) == ("pending", False, False)
        row = await Approval.objects.aget(pk=asked["approval_id"])
        assert (row.action, row.session_id, row.context, row.project_id) == ("refund", "s", {"a": 1}, project.pk)
        still = await told(client, "check_approval", approval_id=asked["approval_id"], wait_seconds=0)
        assert still["may_run"] is False
        edit = {"verdict": states.Verdict.EDIT, "arguments": {"amount": 2**69}, "reason": "half"}
        await ruled(asked["approval_id"], ana, **edit)
        decided = await told(client, "check_approval", approval_id=asked["approval_id"])
        assert (decided["may_run"], decided["arguments"], decided["reason"]) == (True, {"amount": 2**69}, "half")
        recorded = await told(
            client, "record_outcome", approval_id=asked["approval_id"], status="succeeded", detail={"ref": 7}
        )
        assert recorded == {"approval_id": asked["approval_id"], "recorded": "succeeded"}
    await row.arefresh_from_db()
    assert row.outcome is not None
    assert (row.outcome["status"], row.outcome["detail"]) == ("succeeded", {"ref": 7})


def waiting() -> int:
    """How many wait for a decision, in whichever event loop."""
    return sum(each.waiting for topics in list(wakeups_module._of_loop.values()) for each in list(topics.values()))


async def waiters(number: int) -> None:
    """Returns once so many wait."""
    await asyncio.to_thread(eventually, lambda: waiting() >= number)


async def test_who_waits_hears_of_the_decision_and_holds_no_thread(
    address: str, secret: str, ana: Caller, request_one: Callable[..., Approval]
) -> None:
    made = await sync_to_async(request_one)(now=clock.now())
    async with connected(address, secret) as client:
        arguments = {"approval_id": str(made.pk), "wait_seconds": 30}
        before = threading.active_count()
        asked = [asyncio.create_task(told(client, "check_approval", **arguments)) for _ in range(60)]
        await waiters(60)
        assert threading.active_count() - before < 30  # those of the pools, which are there however many wait
        await ruled(str(made.pk), ana)
        assert {answer["status"] for answer in await asyncio.gather(*asked)} == {"approved"}


async def test_a_long_wait_is_a_stream_that_is_kept_open(
    address: str, secret: str, ana: Caller, request_one: Callable[..., Approval], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mcp, "STREAM_AFTER_SECONDS", 0.1)
    monkeypatch.setattr(mcp, "PING_SECONDS", 0.1)
    made = await sync_to_async(request_one)(now=clock.now())
    call = message("tools/call", name="check_approval", arguments={"approval_id": str(made.pk), "wait_seconds": 30})
    async with (
        httpx2.AsyncClient(timeout=60) as http,
        http.stream("POST", address, json=call, headers=plain_headers(secret)) as answer,
    ):
        assert answer.headers["content-type"] == "text/event-stream"
        lines = answer.aiter_lines()
        assert [await anext(lines) for _ in range(4)] == [": waiting", "", ": waiting", ""]
        await ruled(str(made.pk), ana)
        data = [line async for line in lines if line.startswith("data: ")]
    assert json.loads(data[0].removeprefix("data: "))["result"]["structuredContent"]["may_run"] is True
    async with connected(address, secret) as client:
        again = asyncio.create_task(told(client, "request_approval", action="x", arguments={}, wait_seconds=30))
        await waiters(1)
        row = await Approval.objects.order_by("-requested_at").afirst()
        assert row is not None
        await ruled(str(row.pk), ana, verdict=states.Verdict.REJECT, reason="no")
        assert (await again)["status"] == "rejected"


async def test_who_goes_away_waits_no_longer(address: str, secret: str, request_one: Callable[..., Approval]) -> None:
    made = await sync_to_async(request_one)(now=clock.now())
    call = message("tools/call", name="check_approval", arguments={"approval_id": str(made.pk), "wait_seconds": 50})
    async with httpx2.AsyncClient(timeout=60) as http:
        asked = asyncio.create_task(http.post(address, json=call, headers=plain_headers(secret)))
        await waiters(1)
        asked.cancel()
    await asyncio.to_thread(eventually, lambda: waiting() == 0)


@pytest.mark.parametrize("end", ["reject", "respond", "expire", "question"])
async def test_every_other_end_says_that_nothing_may_run(
    address: str, secret: str, ana: Caller, request_one: Callable[..., Approval], end: str
) -> None:
    made = await sync_to_async(request_one)(now=clock.now())
    if end == "expire":
        await Approval.objects.filter(pk=made.pk).aupdate(
            requested_at=clock.now() - timedelta(hours=2), expires_at=clock.now() - timedelta(hours=1)
        )
    elif end == "question":
        await sync_to_async(request_info)(approval=made, by=ana, text="Which one?", now=clock.now())
    else:
        verdict = states.Verdict.REJECT if end == "reject" else states.Verdict.RESPOND
        await ruled(str(made.pk), ana, verdict=verdict, reason="no", message="Ask Eve")
    async with connected(address, secret) as client:
        found = await told(client, "check_approval", approval_id=str(made.pk), wait_seconds=0)
    assert found["may_run"] is False
    assert "arguments" not in found
    names = {"reject": "rejected", "respond": "answered", "expire": "expired", "question": "info_requested"}
    assert found["status"] == names[end]
    assert found.get("answer") == ("Ask Eve" if end == "respond" else None)
    assert found.get("questions") == (["Which one?"] if end == "question" else None)


async def test_a_budget_says_whether_more_may_be_spent(address: str, secret: str, project: Project) -> None:
    values = {"period": "day", "limit_nanos": 10**9, "when_spent": "refuse", "created_at": clock.now()}
    await Budget.objects.acreate(project=project, name="Desk", agent="support", **values)
    async with connected(address, secret) as client:
        mine = await told(client, "check_budget", agent="support")
        assert (mine["allowed"], mine["limit"], mine["remaining"], mine["budget"]["name"]) == (True, "1", "1", "Desk")
        assert (await told(client, "check_budget"))["budget"] is None
    rest = await sync_to_async(Api(secret, DjangoClient()).get)("/api/v1/budgets/check?agent=support")
    assert rest.json() == mine


async def test_what_is_refused_is_said_in_words(
    address: str, secret: str, request_one: Callable[..., Approval]
) -> None:
    made = await sync_to_async(request_one)(now=clock.now())
    async with connected(address, secret) as client:
        assert "action" in await told(client, "request_approval", action="", arguments={})
        assert "action" in await told(client, "request_approval", arguments={})
        assert "timeout_seconds" in await told(client, "request_approval", action="a", arguments={}, timeout_seconds=0)
        assert "urgency: is not an argument" in await told(
            client, "request_approval", action="a", arguments={}, urgency=1
        )
        assert "wait_seconds: 51" in await told(client, "check_approval", approval_id=str(made.pk), wait_seconds=51)
        assert "no" in await told(client, "check_approval", approval_id="nothing", wait_seconds=0)
        assert "status" in await told(client, "record_outcome", approval_id=str(made.pk), status="splendid")
        assert "approved" in await told(client, "record_outcome", approval_id=str(made.pk), status="failed")
        with pytest.raises(MCPError, match="There is no tool"):
            await client.call_tool("decide", {})
        with pytest.raises(MCPError, match="There is no method"):
            await client.list_resources()


async def test_other_projects_are_not_there(address: str, secret: str, request_one: Callable[..., Approval]) -> None:
    made = await sync_to_async(request_one)(now=clock.now())
    elsewhere = await Project.objects.acreate(slug="elsewhere", name="Elsewhere")
    theirs = (await sync_to_async(make_key)(elsewhere, *ALL))[1]
    async with connected(address, theirs) as client:
        for tool, more in (("check_approval", {"wait_seconds": 0}), ("record_outcome", {"status": "failed"})):
            words = await told(client, tool, approval_id=str(made.pk), **more)
            assert words == await told(client, tool, approval_id=str(uuid4()), **more), tool
    async with connected(address, secret) as client:
        found = await told(client, "check_approval", approval_id=str(made.pk), wait_seconds=0)
        assert found["approval_id"] == str(made.pk)


async def test_a_key_may_what_its_scopes_say(address: str, project: Project) -> None:
    reader = (await sync_to_async(make_key)(project, Scope.TELEMETRY_READ))[1]
    asker = (await sync_to_async(make_key)(project, Scope.APPROVALS_REQUEST))[1]
    async with connected(address, reader) as client:
        assert "approvals:request" in await told(client, "request_approval", action="a", arguments={})
        assert (await told(client, "check_budget"))["allowed"] is True
    async with connected(address, asker) as client:
        assert "telemetry:read" in await told(client, "check_budget")
    assert await Approval.objects.acount() == 0


async def test_a_person_calls_with_their_token(address: str, ana: Caller, project: Project) -> None:
    assert ana.user is not None
    token = await sync_to_async(make_token)(ana.user)
    async with connected(address, token) as client:
        assert (await told(client, "request_approval", action="a", arguments={}))["status"] == "pending"
    row = await Approval.objects.aget()
    assert row.project_id == project.pk


async def test_the_tools_are_those_of_the_client() -> None:
    """One set of words: what `handrail mcp` offers over standard input and output, this does over HTTP."""
    theirs = await server_for(AsyncHandrail("http://127.0.0.1:1", "hr_x")).list_tools()
    found = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in theirs]
    assert without_titles(found) == list(TOOLS)
    assert instructions_of_the_client == INSTRUCTIONS


def without_titles(value: Any) -> Any:
    """A schema without the titles that are made from names."""
    if isinstance(value, dict):
        return {
            name: without_titles(each)
            for name, each in value.items()
            if not (name == "title" and isinstance(each, str))
        }
    return [without_titles(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("verdict", [None, "approve", "edit", "reject", "respond"])
async def test_requests_are_described_as_by_the_client(
    request_one: Callable[..., Approval], ana: Caller, agent_api: Api, verdict: str | None
) -> None:
    made = await sync_to_async(request_one)(now=clock.now())
    if verdict:
        given = {"arguments": {"amount": 1}} if verdict == "edit" else {"message": "so"} if verdict == "respond" else {}
        await ruled(str(made.pk), ana, verdict=states.Verdict(verdict), reason="because", **given)
    document = (await sync_to_async(agent_api.get)(f"/api/v1/approvals/{made.pk}")).json()
    assert described(document) == described_by_the_client(parse_approval(document))


async def test_of_several_actions_each_is_described_with_what_it_may_run_with(agent_api: Api, ana: Caller) -> None:
    actions = [{"action": "refund", "arguments": {"amount": amount}} for amount in (9_000, 2, 3)]
    made = (await sync_to_async(agent_api.post)("/api/v1/approvals", {"actions": actions})).json()
    await ruled(made["id"], ana, verdict=states.Verdict.EDIT, item=0, arguments={"amount": 1})
    await ruled(made["id"], ana, item=1)
    document = (await sync_to_async(agent_api.get)(f"/api/v1/approvals/{made['id']}")).json()
    said = described(document)
    assert not any(one["may_run"] or "arguments" in one for one in (said, *said["items"]))
    assert said == described_by_the_client(parse_approval(document))
    await ruled(made["id"], ana, item=2)
    document = (await sync_to_async(agent_api.get)(f"/api/v1/approvals/{made['id']}")).json()
    said = described(document)
    assert (said["status"], said["may_run"], "arguments" in said) == ("approved", False, False)
    assert [(one["may_run"], one["arguments"]["amount"]) for one in said["items"]] == [(True, 1), (True, 2), (True, 3)]
    assert said == described_by_the_client(parse_approval(document))
    with pytest.raises(HandrailError):
        _ = parse_approval(document).final_arguments
