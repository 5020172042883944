"""What the API of requests answers, as JSON Schema for the OpenAPI document (ARCHITECTURE.md, section 10).

`console.shapes` puts it there. Objects may have more members than are named: new ones are no change of the contract.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
TEXTS: Schema = {"type": "array", "items": TEXT}
INTEGER: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
TIME: Schema = {"type": "string", "format": "date-time"}
OBJECT: Schema = {"type": "object", "additionalProperties": {}}
ANY: Schema = {}


def ref(name: str) -> Schema:
    """Another component."""
    return {"$ref": f"#/components/schemas/{name}"}


def listed(item: Schema) -> Schema:
    """A list of them."""
    return {"type": "array", "items": item}


def or_null(schema: Schema) -> Schema:
    """It, or null."""
    if isinstance(schema.get("type"), str):
        return {**schema, "type": [schema["type"], "null"]}
    return {"oneOf": [schema, {"type": "null"}]}


def members(description: str, properties: dict[str, Schema], optional: Iterable[str] = ()) -> Schema:
    """An object that has all of them, but for the optional ones."""
    left_out = set(optional)
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": [name for name in properties if name not in left_out],
    }


def page(of: str) -> Schema:
    """A page of a list, newest first."""
    return members(
        "A page of a list; `next` is the address of the following one.",
        {"results": listed(ref(of)), "next": or_null({"type": "string", "format": "uri"})},
    )


VERDICTS = ["approve", "edit", "reject", "respond"]
VERDICT: Schema = {"type": "string", "enum": VERDICTS}
STATUS: Schema = {
    "type": "string",
    "enum": ["pending", "info_requested", "approved", "rejected", "answered", "mixed", "expired", "cancelled"],
}
DECIDED: dict[str, Schema] = {
    "verdict": or_null(TEXT),
    "arguments": or_null(OBJECT),
    "reason": TEXT,
    "message": TEXT,
    "labels": TEXTS,
    "reviewers": listed(ref("ApprovalReviewer")),
    "decided_by": or_null(TEXT),
    "decided_at": or_null(TIME),
    "receipt": or_null(TEXT),
}
PROPOSED: dict[str, Schema] = {
    "action": TEXT,
    "arguments": OBJECT,
    "arguments_schema": or_null(OBJECT),
    "allowed_decisions": listed(VERDICT),
}

COMPONENTS: dict[str, Schema] = {
    "Problem": members(
        "Why a call was refused (RFC 9457). Some problems have members of their own, such as decided_by.",
        {
            "type": TEXT,
            "title": TEXT,
            "status": INTEGER,
            "detail": TEXT,
            "errors": listed(members("What is wrong with one field.", {"field": TEXT, "message": TEXT})),
        },
        optional=["detail", "errors"],
    ),
    "RiskFactor": members("One reason why a request is risky.", {"name": TEXT, "weight": NUMBER, "detail": TEXT}),
    "Risk": members(
        "How risky an action is, and why.",
        {
            "level": {"type": "string", "enum": ["low", "medium", "high", "critical"]},
            "score": NUMBER,
            "factors": listed(ref("RiskFactor")),
            "explanation": TEXT,
        },
    ),
    "AgentName": members("An agent.", {"name": TEXT, "version": TEXT}),
    "PolicyApplied": members("The policy version that was applied, and its rule.", {"version": INTEGER, "rule": TEXT}),
    "ApprovalReviewer": members(
        "Who took part in a decision.", {"name": TEXT, "verdict": TEXT, "at": TIME}, optional=["verdict", "at"]
    ),
    "ApprovalDecision": members("What was decided.", DECIDED, optional=["decided_by", "decided_at", "receipt"]),
    "ApprovalVote": members(
        "One person's verdict on an action, also while others have to agree; of an edit with its arguments.",
        {"name": TEXT, "verdict": VERDICT, "at": TIME, "arguments": or_null(OBJECT)},
    ),
    "ApprovalItem": members(
        "One action of a request, decided on its own.",
        {
            "index": INTEGER,
            **PROPOSED,
            "description": TEXT,
            "metadata": OBJECT,
            "status": STATUS,
            "decision": or_null(ref("ApprovalDecision")),
            "votes": listed(ref("ApprovalVote")),
        },
        optional=["description", "metadata", "arguments_schema", "votes"],
    ),
    "ApprovalMessage": members(
        "A word between reviewers and the agent.",
        {
            "from": {"type": "string", "enum": ["agent", "reviewer"]},
            "kind": {"type": "string", "enum": ["question", "message"]},
            "name": TEXT,
            "text": TEXT,
            "at": TIME,
        },
    ),
    "Approval": members(
        "A request for approval. While its status is pending or info_requested nothing may run.",
        {
            "id": {"type": "string", "format": "uuid"},
            "url": {"type": "string", "format": "uri"},
            "status": STATUS,
            "effect": or_null(TEXT),
            **PROPOSED,
            "summary": TEXT,
            "description": TEXT,
            "context": OBJECT,
            "agent": or_null(ref("AgentName")),
            "trace_id": or_null(TEXT),
            "span_id": or_null(TEXT),
            "session_id": or_null(TEXT),
            "end_user": or_null(TEXT),
            "confidence": or_null(NUMBER),
            "suggestion": or_null(TEXT),
            "priority": TEXT,
            "team": or_null(TEXT),
            "tags": TEXTS,
            "risk": ref("Risk"),
            "policy": ref("PolicyApplied"),
            "errors": {
                **TEXTS,
                "description": "Conditions of the policy that could not be judged on this request, and why. With any of"
                " them only people approve or reject. The same as in a risk assessment.",
            },
            "flags": listed(ref("Flag")),
            "unchecked_chars": INTEGER,
            "requested_by": TEXT,
            "requested_at": TIME,
            "expires_at": TIME,
            "closed_at": or_null(TIME),
            "estimated_wait_seconds": or_null(NUMBER),
            "notices": TEXTS,
            "metadata": OBJECT,
            "items": listed(ref("ApprovalItem")),
            "decision": or_null(ref("ApprovalDecision")),
            "messages": listed(ref("ApprovalMessage")),
            "outcome": or_null(OBJECT),
        },
    ),
    "ApprovalPage": page("Approval"),
    "BulkDecisions": members(
        "What became of one verdict on many requests.",
        {
            "results": listed(
                members(
                    "Of one request: decided, taken as one verdict of several that it takes, or refused.",
                    {
                        "id": {"type": "string", "format": "uuid"},
                        "decided": {"type": "boolean"},
                        "status": STATUS,
                        "approvals": {**INTEGER, "description": "How many approve so far, where others have to agree."},
                        "problem": {**OBJECT, "description": "Why it was refused, as it would be alone."},
                    },
                    optional=("status", "approvals", "problem"),
                )
            )
        },
    ),
}

RESPONSES: dict[str, tuple[str, str]] = {
    "approvals_request": ("201", "Approval"),
    "approvals_list": ("200", "ApprovalPage"),
    "approvals_decide_many": ("200", "BulkDecisions"),
    **{
        f"approvals_{verb}": ("200", "Approval")
        for verb in (
            "read", "assign", "cancel", "claim", "consume", "decide", "message", "outcome", "release", "request_info",
            "withdraw",
        )
    },
}  # fmt: skip
"""Which component answers an operation, and with which status."""
