"""The whole loop: an agent asks, a reviewer edits in the browser, the agent acts on the edit, the example is pulled."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
from playwright.sync_api import expect

from tests.e2e.conftest import Watched
from tests.e2e.running import Console
from tests.waiting import eventually


def test_a_request_appears_live_is_edited_and_reaches_the_waiting_agent(console: Console, tab: Watched) -> None:
    page = tab.page
    page.goto(console.page_url("queue/"))
    order = f"order-{uuid4().hex[:8]}"
    request = {
        "action": "process_refund",
        "arguments": {"order": order, "amount": 1500, "currency": "USD"},
        "summary": f"Refund {order}",
        "agent": {"name": "support", "version": "3"},
        "context": {"customer": "gold"},
        "timeout_seconds": 600,
    }
    with console.agent() as agent, ThreadPoolExecutor(1) as pool:
        created = agent.post("/api/v1/approvals", json=request)
        assert created.status_code == 201, created.text
        approval = created.json()
        waiting = pool.submit(agent.get, f"/api/v1/approvals/{approval['id']}?wait=60")
        # No reload: the row arrives by websocket.
        row = page.locator("#queue-list").get_by_text(f"Refund {order}")
        expect(row).to_be_visible()
        row.click()
        expect(page.locator("#approval")).to_have_attribute("data-approval", approval["id"])
        page.keyboard.press("e")
        page.get_by_label("amount").fill("900")
        expect(page.locator("#edit-diff")).to_contain_text("900")
        page.get_by_role("button", name="Approve with changes").click()
        decided = waiting.result(timeout=30).json()
        assert decided["status"] == "approved"
        assert decided["decision"]["verdict"] == "edit"
        assert decided["decision"]["arguments"] == {"order": order, "amount": 900, "currency": "USD"}
        outcome = {"status": "succeeded", "detail": {"refund": "r-1"}}
        assert agent.post(f"/api/v1/approvals/{approval['id']}/outcome", json=outcome).status_code == 200
        example = latest_example(agent, approval["id"])
    assert example["proposed_arguments"]["amount"] == 1500
    assert example["final_arguments"]["amount"] == 900
    assert example["verdict"] == "edit"
    assert example["outcome"]["status"] == "succeeded"


def latest_example(agent: httpx.Client, approval_id: str) -> dict[str, Any]:
    def pulled() -> dict[str, Any] | None:
        lines = agent.get("/api/v1/feedback").text.splitlines()
        mine = [example for line in lines if (example := json.loads(line))["approval_id"] == approval_id]
        return mine[-1] if mine and mine[-1]["outcome"] else None

    found = eventually(pulled)
    assert found
    return found
