"""The whole loop with each framework: its agent asks, a person edits in a browser, it acts on the edit, and what came
of it is exported as a labelled example."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from playwright.sync_api import expect

from tests.e2e.conftest import Watched
from tests.e2e.running import Console
from tests.waiting import eventually

PROGRAMS = Path(__file__).parent / "frameworks"
BESIDE = Path(settings.BASE_DIR) / ".venv" / "beside"


def python_for(program: str) -> str:
    """The interpreter that has the framework: see sdk/tests/test_beside.py."""
    if program != "on_openai_agents":
        return sys.executable
    python = BESIDE / "openai-agents" / "bin" / "python"
    if not python.exists():
        pytest.skip("make frameworks")
    return str(python)


@pytest.mark.parametrize(
    "program", ["decorated", "on_langgraph", "on_langchain", "on_pydantic_ai", "on_openai_agents", "over_mcp"]
)
def test_an_edit_in_the_browser_is_what_the_agent_does(console: Console, tab: Watched, program: str) -> None:
    order = f"order-{uuid4().hex[:8]}"
    command = [python_for(program), str(PROGRAMS / f"{program}.py"), console.url, console.api_key, order]
    agent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=os.sep)
    try:
        approval = eventually(lambda: request_about(console, order, agent), timeout=60)
        assert approval
        edit(tab, approval["url"])
        printed = agent.communicate(timeout=60)[0].strip()
    finally:
        agent.kill()
        agent.communicate()
    assert json.loads(printed) == {"order": order, "amount": 900}
    example = eventually(lambda: example_of(console, approval["id"]), timeout=30)
    assert example is not None
    assert (example["verdict"], example["outcome"]["status"]) == ("edit", "succeeded")
    assert (example["proposed_arguments"]["amount"], example["final_arguments"]["amount"]) == (1500, 900)


def request_about(console: Console, order: str, agent: subprocess.Popen[str]) -> dict[str, Any] | None:
    assert agent.poll() is None, "the agent has ended without waiting for anybody"
    with console.agent() as client:
        found: list[dict[str, Any]] = client.get("/api/v1/approvals?status=pending").json()["results"]
    return next((each for each in found if each["arguments"].get("order") == order), None)


def edit(tab: Watched, url: str) -> None:
    page = tab.page
    page.goto(url)
    expect(page.locator("#approval")).to_contain_text("process_refund")
    page.keyboard.press("e")
    page.get_by_label("amount").fill("900")
    expect(page.locator("#edit-diff")).to_contain_text("900")
    page.get_by_role("button", name="Approve with changes").click()


def example_of(console: Console, approval_id: str) -> dict[str, Any] | None:
    """The latest example as `handrail feedback export` writes it."""
    command = [sys.executable, "-m", "handrail", "--url", console.url, "--token", console.api_key, "feedback", "export"]
    lines = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()
    mine = [example for line in lines if (example := json.loads(line))["approval_id"] == approval_id]
    return mine[-1] if mine and mine[-1]["outcome"] else None
