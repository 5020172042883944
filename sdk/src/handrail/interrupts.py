"""What LangGraph and LangChain hand to a person, as requests for approval, and the decisions in their words.

Three forms of interrupt are known: HumanInterrupt (one, or a list), HITLRequest of LangChain's
HumanInTheLoopMiddleware, and its ToolApprovalRequest (`interrupt_mode="per_call"`). Everything else that a graph asks
is a question, which a person answers in words. Pure: no framework is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handrail.approvals import Approval, Decision, Item
from handrail.errors import ApprovalRejected, HandrailError
from handrail.options import Action, Verdict

Json = Mapping[str, Any]

QUESTION = "answer_question"
_ALLOWED: Mapping[str, Verdict] = {
    "allow_accept": "approve",
    "allow_edit": "edit",
    "allow_respond": "respond",
    "allow_ignore": "reject",
}


@dataclass(frozen=True, slots=True)
class Question:
    """One interrupt as a request. answer: what to resume the graph with, once every action is decided."""

    actions: list[Action]
    answer: Callable[[Approval], Any]


def read_interrupt(value: object, response_schema: object = None) -> Question:
    """Understand what a graph was interrupted with. response_schema: the interrupt's own, where it has one."""
    if isinstance(value, Mapping):
        if "action_requests" in value:
            return Question(_requested(value), lambda approval: {"decisions": _each(approval, _decision)})
        if value.get("type") == "tool_approval":
            schema = response_schema if isinstance(response_schema, Mapping) else {}
            return Question([_tool_call(value, schema)], lambda approval: _each(approval, _decision)[0])
        if "action_request" in value:
            return Question([_human_interrupt(value)], lambda approval: _each(approval, _human_response))
    if several := _human_interrupts(value):
        return Question([_human_interrupt(each) for each in several], lambda approval: _each(approval, _human_response))
    asked: Action = {
        "action": QUESTION,
        "arguments": value if isinstance(value, Mapping) else {"question": value},
        "description": value if isinstance(value, str) else None,
        "allowed_decisions": ["respond", "reject"],
    }
    return Question([asked], _answer)


def _human_interrupts(value: object) -> Sequence[Json]:
    """The list, when it is one of these and nothing else; none otherwise."""
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return []
    return value if all(isinstance(each, Mapping) and "action_request" in each for each in value) else []


def _human_interrupt(value: Json) -> Action:
    wanted, config = value["action_request"], value.get("config") or {}
    allowed = [verdict for name, verdict in _ALLOWED.items() if config.get(name, True)]
    return {
        "action": wanted["action"],
        "arguments": wanted.get("args") or {},
        "description": value.get("description"),
        "allowed_decisions": allowed or None,
    }


def _requested(value: Json) -> list[Action]:
    configs = value.get("review_configs") or []
    by_name = {each.get("action_name"): each for each in configs}
    wanted = value["action_requests"]
    found: list[Action] = []
    for place, each in enumerate(wanted):
        # One for each action, in their order; an older release wrote one for each name.
        config = configs[place] if len(configs) == len(wanted) else by_name.get(each["name"], {})
        found.append(
            {
                "action": each["name"],
                "arguments": each.get("args") or {},
                "description": each.get("description"),
                "allowed_decisions": config.get("allowed_decisions"),
                "arguments_schema": config.get("args_schema"),
            }
        )
    return found


def _tool_call(value: Json, schema: Json) -> Action:
    """The schema of the answer says which decisions there are, and what an edit's arguments look like."""
    only = schema.get("properties", {}).get("type", {}).get("const")
    mapping = schema.get("discriminator", {}).get("mapping", {})
    definitions = schema.get("$defs", {})
    arguments = definitions.get(value["name"])
    return {
        "action": value["name"],
        "arguments": value.get("args") or {},
        "description": value.get("description"),
        "allowed_decisions": [only] if only else (list(mapping) or None),
        "arguments_schema": {**arguments, "$defs": definitions} if arguments else None,
        "metadata": {"tool_call_id": value.get("tool_call_id")},
    }


def _each(approval: Approval, said: Callable[[Item, Decision], Any]) -> list[Any]:
    found = []
    for item in approval.items:
        if item.decision is None:
            raise HandrailError(f"{item.action} of {approval.id} is {item.status} without a decision")
        found.append(said(item, item.decision))
    if not found:
        raise HandrailError(f"{approval.id} has no items")
    return found


def _human_response(item: Item, decision: Decision) -> dict[str, Any]:
    if decision.verdict == "edit":
        return {"type": "edit", "args": {"action": item.action, "args": dict(decision.arguments or {})}}
    if decision.verdict == "respond":
        return {"type": "response", "args": decision.message}
    return {"type": "accept" if decision.verdict == "approve" else "ignore", "args": None}


def _decision(item: Item, decision: Decision) -> dict[str, Any]:
    if decision.verdict == "edit":
        return {"type": "edit", "edited_action": {"name": item.action, "args": dict(decision.arguments or {})}}
    if decision.verdict == "respond":
        return {"type": "respond", "message": decision.message}
    if decision.verdict == "reject":
        return {"type": "reject", **({"message": decision.reason} if decision.reason else {})}
    return {"type": "approve"}


def _answer(approval: Approval) -> str:
    (item,) = approval.items
    if item.decision is None or item.decision.verdict != "respond":
        raise ApprovalRejected(approval)
    return item.decision.message
