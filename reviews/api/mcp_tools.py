"""What the tools of the Model Context Protocol do: what the REST API does, with the same checks and services."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from jsonschema import Draft202012Validator
from rest_framework.exceptions import ValidationError

from agents.access import api_project
from agents.authentication import Caller
from agents.models import Project
from agents.permissions import Permission, Scope
from console.lib.http import Problem, as_problem
from console.lib.together import in_thread
from metrics.api import budgets
from reviews import tool_definitions as tools
from reviews.access import api_approval
from reviews.api.approvals import ApprovalsView, OutcomeView, asked, told_outcome
from reviews.api.wait import Waiter, settled

Json = dict[str, Any]

THREADS = 4
threads = ThreadPoolExecutor(THREADS, thread_name_prefix="mcp")
_PROPERTIES: dict[str, Json] = {tool["name"]: tool["inputSchema"]["properties"] for tool in tools.TOOLS}
_validators = {tool["name"]: Draft202012Validator(tool["inputSchema"]) for tool in tools.TOOLS}


@dataclass(frozen=True)
class Call:
    """One call of a tool, by whom, and who waits for it. `headers` have lower-case names."""

    caller: Caller
    headers: Mapping[str, str]
    arguments: Json
    waiter: Waiter

    def project(self, scope: Scope, permission: Permission) -> Project:
        """The project that is meant. Raises Problem."""
        named = {"handrail-project": self.headers.get("handrail-project", "")}
        return api_project(self.caller, query={}, headers=named, scope=scope, permission=permission)


async def call(name: str, of: Call) -> Json:
    """The result of a tool; what is refused is a result as well, so that the model reads why. Raises KeyError."""
    tool, wrong = _TOOLS[name], _wrong(name, of.arguments)
    if wrong:
        return _refused(wrong)
    try:
        found = await tool(of)
    except (Problem, ValidationError) as error:
        problem = as_problem(error)
        return _refused(problem.detail if problem else str(error))
    return {"content": [_text(json.dumps(found))], "structuredContent": found, "isError": False}


async def _request(of: Call) -> Json:
    def make() -> Json:
        project = of.project(ApprovalsView.scopes["POST"], ApprovalsView.permissions["POST"])
        left_out = {"summary": "", "session_id": "", "context": None, "timeout_seconds": None}
        said = {name: value for name, value in of.arguments.items() if name != "wait_seconds"}
        body = {name: value for name, value in said.items() if name not in left_out or value != left_out[name]}
        return asked(project, of.caller, body)

    document = await in_thread(threads, make)
    seconds = of.arguments.get("wait_seconds", 0)
    if document["status"] == "pending" and seconds:
        return await _looked_at(of, str(document["id"]), seconds)
    return tools.described(document)


async def _check(of: Call) -> Json:
    seconds = of.arguments.get("wait_seconds", tools.CHECK_WAIT_SECONDS)
    return await _looked_at(of, of.arguments["approval_id"], seconds)


async def _looked_at(of: Call, approval_id: str, seconds: int) -> Json:
    """The request once it is decided or asked about, at the latest after so many seconds. Holds no thread."""
    reading = await settled(of.caller, approval_id, QueryDict(f"wait={seconds}"), of.waiter)
    if reading.problem is not None:
        raise reading.problem
    return tools.described(json.loads(reading.document))


async def _budget(of: Call) -> Json:
    def check() -> Json:
        project = of.project(budgets.CHECK_SCOPE, budgets.CHECK_PERMISSION)
        return budgets.check(project.pk, {name: str(value) for name, value in of.arguments.items()})

    return await in_thread(threads, check)


async def _outcome(of: Call) -> Json:
    approval_id, status = of.arguments["approval_id"], of.arguments["status"]

    def record() -> None:
        scope, permission = OutcomeView.scopes["POST"], OutcomeView.permissions["POST"]
        approval = api_approval(of.caller, approval_id, scope=scope, permission=permission)
        told_outcome(approval, of.caller, {"status": status, "detail": of.arguments.get("detail") or {}})

    await in_thread(threads, record)
    return {"approval_id": approval_id, "recorded": status}


_TOOLS: dict[str, Callable[[Call], Awaitable[Json]]] = {
    tools.REQUEST: _request,
    tools.CHECK: _check,
    tools.BUDGET: _budget,
    tools.OUTCOME: _outcome,
}


def _wrong(name: str, arguments: Json) -> str:
    """What is wrong with the arguments, naming them; "" when nothing is."""
    unknown = [key for key in arguments if key not in _PROPERTIES[name]]
    found = [f"{key[:100]}: is not an argument of {name}" for key in unknown]
    for error in _validators[name].iter_errors(arguments):
        at = ".".join(str(part) for part in error.absolute_path)
        found.append(f"{at}: {error.message[:200]}" if at else error.message[:200])
    return "; ".join(found[:5])


def _refused(words: str) -> Json:
    return {"content": [_text(words)], "isError": True}


def _text(text: str) -> Json:
    return {"type": "text", "text": text}
