"""The tools of the Model Context Protocol, as models read them, and requests as they are told. Pure.

`handrail mcp` of the client has the same four over standard input and output; a test compares every word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

LONGEST_WAIT_SECONDS = 50
CHECK_WAIT_SECONDS = 20
INSTRUCTIONS = (
    "Ask a person before you act: call request_approval with the action and its exact arguments. Act only when "
    "may_run is true, and only with the arguments in the answer: a reviewer may have changed them. While the status "
    "is pending, call check_approval. Anything else means that the action must not run."
)
REQUEST, CHECK, BUDGET, OUTCOME = "request_approval", "check_approval", "check_budget", "record_outcome"


def _text(description: str, **more: Any) -> Json:
    return {"type": "string", "description": description, **more}


def _or_null(type_: Json, description: str) -> Json:
    return {"anyOf": [type_, {"type": "null"}], "default": None, "description": description}


def _wait(default: int) -> Json:
    return {
        "type": "integer",
        "minimum": 0,
        "maximum": LONGEST_WAIT_SECONDS,
        "default": default,
        "description": "Seconds to wait for a decision.",
    }


def _tool(name: str, description: str, properties: Json, required: tuple[str, ...] = ()) -> Json:
    schema: Json = {"type": "object", "properties": properties}
    return {
        "name": name,
        "description": description,
        "inputSchema": schema | ({"required": list(required)} if required else {}),
        "outputSchema": OBJECT,
    }


OBJECT: Json = {"type": "object", "additionalProperties": True}
APPROVAL_ID = _text("The id that request_approval returned.")
TOOLS: tuple[Json, ...] = (
    _tool(
        REQUEST,
        "Ask people whether an action may run. Act only when may_run is true, with the arguments in the answer.",
        {
            "action": _text("Name of what is to be done, for instance process_refund."),
            "arguments": OBJECT | {"description": "Exactly what it would run with."},
            "summary": _text("One line for the reviewer.", default=""),
            "context": _or_null(OBJECT, "Facts the decision rests on."),
            "session_id": _text("The conversation this belongs to.", default=""),
            "timeout_seconds": _or_null({"type": "integer"}, "When the request expires."),
            "wait_seconds": _wait(0),
        },
        ("action", "arguments"),
    ),
    _tool(
        CHECK,
        "Look at a request again, waiting some seconds for a decision. While it is pending, do not act: look again.",
        {"approval_id": APPROVAL_ID, "wait_seconds": _wait(CHECK_WAIT_SECONDS)},
        ("approval_id",),
    ),
    _tool(
        BUDGET,
        "Ask what is left of the budgets before spending more.",
        {
            "agent": _text("Whose budgets count, besides those for everything.", default=""),
            "model": _text("The model that would be used.", default=""),
        },
    ),
    _tool(
        OUTCOME,
        "Say how an approved action went, after it ran.",
        {
            "approval_id": APPROVAL_ID,
            "status": _text("How the approved action went.", enum=["succeeded", "failed", "reverted"]),
            "detail": _or_null(OBJECT, "What there is to know about it."),
        },
        ("approval_id", "status"),
    ),
)


def described(document: Mapping[str, Any]) -> Json:
    """A request, as the API writes it, as a model reads it. Of several actions each says for itself what may run."""
    status, decision = document["status"], document["decision"] or {}
    several = len(document["items"]) > 1
    approved = status == "approved" and not several
    said: Json = {
        "approval_id": document["id"],
        "status": status,
        "may_run": approved,
        "url": document["url"],
    }
    if approved:
        final = decision.get("arguments")
        said["arguments"] = document["arguments"] if final is None else final
    if status == "answered":
        said["answer"] = decision.get("message", "")
    if decision.get("reason"):
        said["reason"] = decision["reason"]
    if several:
        said["items"] = [_item(item) for item in document["items"]]
    questions = [each["text"] for each in document["messages"] if each["kind"] == "question"]
    if status in ("pending", "info_requested") and questions:
        said["questions"] = questions
    return said


def _item(item: Mapping[str, Any]) -> Json:
    """One of several actions. It may run only with the arguments that were decided on: none others are told."""
    said: Json = {"index": item["index"], "action": item["action"], "status": item["status"], "may_run": False}
    if item["effect"] == "allow":
        said |= {"may_run": True, "arguments": item["decision"]["arguments"]}
    return said
