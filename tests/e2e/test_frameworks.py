"""The whole loop with each framework: its agent asks, a person edits in a browser, it acts on the edit, and what came
of it is a labelled example: in the stream, in a file of a frozen dataset, and in the back-test of a policy."""

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

from tests.e2e import looping
from tests.e2e.conftest import Watched
from tests.e2e.running import Console
from tests.waiting import eventually

PROGRAMS = Path(__file__).parent / "frameworks"
OF_ITS_OWN = {"on_openai_agents": "openai-agents", "on_crewai": "crewai"}
IMPORT_SECONDS = 180.0
"""CrewAI takes its time, and more on a busy machine."""

BESIDE = Path(settings.BASE_DIR) / ".venv" / "beside"


def python_for(program: str) -> str:
    """The interpreter that has the framework: see sdk/tests/test_beside.py."""
    folder = OF_ITS_OWN.get(program)
    if folder is None:
        return sys.executable
    python = BESIDE / folder / "bin" / "python"
    if not python.exists():
        pytest.skip(f"make .venv/beside/{folder}/installed")
    return str(python)


@pytest.mark.parametrize(
    "program", ["decorated", "on_langgraph", "on_langchain", "on_pydantic_ai", "on_openai_agents", "over_mcp"]
)
def test_an_edit_in_the_browser_is_what_the_agent_does(console: Console, tab: Watched, program: str) -> None:
    order = f"order-{uuid4().hex[:8]}"
    example = acted_on(console, tab, program, order, field="amount", edited="900")
    assert (example["proposed_arguments"]["amount"], example["final_arguments"]["amount"]) == (1500, 900)
    is_of_use(tab, example, {"action": "process_refund"}, f'args.order == "{order}" && args.amount > 1000.0')


def test_an_answer_of_a_crew_is_edited_in_the_browser(console: Console, tab: Watched) -> None:
    order = f"order-{uuid4().hex[:8]}"
    example = acted_on(console, tab, "on_crewai", order, field="answer", edited=f"{order}: 900")
    assert example["proposed_arguments"] == {"answer": f"{order}: 1500"}
    assert example["final_arguments"] == {"answer": f"{order}: 900"}
    is_of_use(tab, example, {"action": "give_final_answer"}, f'args.answer == "{order}: 1500"')


def acted_on(console: Console, tab: Watched, program: str, order: str, *, field: str, edited: str) -> dict[str, Any]:
    """The example of what an agent asked, a person edited, and the agent then did."""
    command = [python_for(program), str(PROGRAMS / f"{program}.py"), console.url, console.api_key, order]
    agent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=os.sep)
    try:
        approval = eventually(lambda: request_about(console, order, agent), timeout=IMPORT_SECONDS)
        assert approval
        edit(tab, approval, field, edited)
        printed = agent.communicate(timeout=60)[0].strip().splitlines()[-1]
    finally:
        agent.kill()
        agent.communicate()
    assert json.loads(printed) == {"order": order, "amount": 900}
    example = eventually(lambda: example_of(console, approval["id"]), timeout=30)
    assert example is not None
    assert (example["verdict"], example["outcome"]["status"]) == ("edit", "succeeded")
    return example


def is_of_use(tab: Watched, example: dict[str, Any], filters: dict[str, str], condition: str) -> None:
    """The example is in the file of a dataset, and a policy that would have approved it as it was asked is told so."""
    lines = looping.exported(tab, filters, name=f"loop {example['approval_id']}").splitlines()
    (mine,) = [line for line in map(json.loads, lines) if line["approval_id"] == example["approval_id"]]
    assert {name: mine[name] for name in ("proposed_arguments", "final_arguments", "verdict")} == {
        name: example[name] for name in ("proposed_arguments", "final_arguments", "verdict")
    }
    assert mine["outcome"]["status"] == "succeeded"
    results, disagreements = looping.tried(tab, {"name": "as asked", "effect": "auto_approve", "condition": condition})
    assert results["false_approvals"]["by"] == {"edit": 1}
    assert [(one["approval_id"], one["what"]) for one in disagreements] == [(example["approval_id"], "edit")]


def request_about(console: Console, order: str, agent: subprocess.Popen[str]) -> dict[str, Any] | None:
    assert agent.poll() is None, "the agent has ended without waiting for anybody"
    with console.agent() as client:
        found: list[dict[str, Any]] = client.get("/api/v1/approvals?status=pending").json()["results"]
    return next((each for each in found if order in json.dumps(arguments_of(each))), None)


def arguments_of(approval: dict[str, Any]) -> Any:
    return [item["arguments"] for item in approval.get("items") or [approval]]


def edit(tab: Watched, approval: dict[str, Any], field: str, value: str) -> None:
    page = tab.page
    page.goto(approval["url"])
    expect(page.locator("#approval")).to_have_attribute("data-approval", approval["id"])
    tab.rest()
    page.keyboard.press("e")
    page.locator(f"[name='argument:/{field}']").fill(value)
    expect(page.locator("#edit-diff")).to_contain_text("900")
    page.get_by_role("button", name="Approve with changes").click()


def example_of(console: Console, approval_id: str) -> dict[str, Any] | None:
    """The latest example as `handrail feedback export` writes it."""
    command = [sys.executable, "-m", "handrail", "--url", console.url, "--token", console.api_key, "feedback", "export"]
    lines = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()
    mine = [example for line in lines if (example := json.loads(line))["approval_id"] == approval_id]
    return mine[-1] if mine and mine[-1]["outcome"] else None
