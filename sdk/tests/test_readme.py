"""The snippets of the README are Python, name what exists, and the ones that need nothing else run."""

from __future__ import annotations

import ast
import importlib
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
from loopback import KEY, Loopback

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
FOREIGN = {
    "handrail.langgraph": "langgraph",
    "handrail.pydantic_ai": "pydantic_ai",
    "handrail.openai_agents": None,  # tested in an environment of its own
    "handrail.crewai": None,
}


def imports_of(source: str) -> list[tuple[str, str]]:
    return [
        (node.module or "", name.name)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    ]


@pytest.mark.parametrize("source", SNIPPETS, ids=range(len(SNIPPETS)))
def test_every_name_that_a_snippet_imports_exists(source: str) -> None:
    for module, name in imports_of(source):
        if module in FOREIGN:
            if FOREIGN[module] is None:
                path = Path(__file__).resolve().parent.parent / "src" / f"{module.replace('.', '/')}.py"
                assert re.search(rf"^(async def|def|class) {name}\b", path.read_text(), re.MULTILINE), (module, name)
                continue
            pytest.importorskip(FOREIGN[module] or "")
        assert hasattr(importlib.import_module(module), name), (module, name)


@pytest.fixture
def environment(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDRAIL_URL", server.url)
    monkeypatch.setenv("HANDRAIL_API_KEY", KEY)
    monkeypatch.setattr("handrail.steps._default_client", None)


def snippet(words: str) -> str:
    (found,) = [source for source in SNIPPETS if words in source]
    return textwrap.dedent(found)


def test_the_first_snippet_refunds_what_the_reviewer_said(
    server: Loopback, environment: None, capsys: pytest.CaptureFixture[str]
) -> None:
    server.on_create = lambda approval: server.decide(
        approval["id"], "edit", arguments={"order": "A-1042", "amount": 800}
    )
    exec(snippet("@approval_required(summary"))
    assert capsys.readouterr().out == "refunded 800 for A-1042\n"
    from handrail.steps import default_client

    default_client().close()


def test_step_by_step_pays_once_and_says_so(server: Loopback, environment: None) -> None:
    server.on_create = lambda approval: server.decide(approval["id"], "approve")
    paid: list[Any] = []
    exec(snippet("handrail.consume(decided, decided"), {"pay": lambda **arguments: paid.append(arguments)})
    assert paid == [{"order": "A-1042", "amount": 1500}]
    (approval,) = server.approvals.values()
    assert approval["outcome"]["status"] == "succeeded"


def test_what_holds_when_nobody_can_be_asked_is_said_beforehand(server: Loopback, environment: None) -> None:
    space: dict[str, Any] = {}
    exec(snippet('on_unreachable="reject"'), space)
    exec(snippet('idempotency_key="thread-7:step-3"'), space)
    exec(snippet('idempotency_key="thread-7:step-3"'), space)
    space["handrail"].close()
    assert len(server.approvals) == 2
