"""What the API of telemetry answers, as JSON Schema for the OpenAPI document (`metrics.wire` writes it)."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
INTEGER: Schema = {"type": "integer"}
INTEGER_OR_NULL: Schema = {"type": ["integer", "null"]}
NUMBER_OR_NULL: Schema = {"type": ["number", "null"]}
TEXTS: Schema = {"type": "array", "items": TEXT}
TIME: Schema = {"type": "string", "format": "date-time"}
OBJECT: Schema = {"type": "object", "additionalProperties": {}}
USAGE: dict[str, Schema] = {
    "cache_read_tokens": INTEGER_OR_NULL,
    "cache_write_tokens": INTEGER_OR_NULL,
    "reasoning_tokens": INTEGER_OR_NULL,
}
MONEY: Schema = {"type": ["string", "null"], "description": "Dollars, as a decimal; null when unknown."}
PLACE: dict[str, Schema] = {"agent_version": TEXT_OR_NULL, "session_id": TEXT_OR_NULL, "user_id": TEXT_OR_NULL}


def _members(description: str, properties: dict[str, Schema], optional: tuple[str, ...] = ()) -> Schema:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "description": description, "properties": properties, "required": required}


SUMMARY: dict[str, Schema] = {
    "trace_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    "name": TEXT,
    "start": TIME,
    "duration_ms": NUMBER_OR_NULL,
    "status": {"type": "string", "enum": ["ok", "error", "waiting"]},
    "error_count": INTEGER,
    "span_count": INTEGER,
    "agents": TEXTS,
    "models": TEXTS,
    **PLACE,
    "environment": TEXT_OR_NULL,
    "tags": TEXTS,
    "metadata": OBJECT,
    "input_tokens": INTEGER,
    "output_tokens": INTEGER,
    **USAGE,
    "cost_usd": MONEY,
    "unpriced_spans": INTEGER,
}

def _page(of: str) -> Schema:
    return _members(
        "A page of a list; `next` is the address of the following one.",
        {
            "results": {"type": "array", "items": {"$ref": f"#/components/schemas/{of}"}},
            "next": {"type": ["string", "null"], "format": "uri"},
        },
    )


COMPONENTS: dict[str, Schema] = {
    "TraceSummary": _members("What an agent did once, in one line.", SUMMARY),
    "TracePage": _page("TraceSummary"),
    "Span": _members(
        "One step of a trace. Its usage is in the trace's totals when `counted`.",
        {
            "span_id": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
            "parent_span_id": TEXT_OR_NULL,
            "name": TEXT,
            "kind": TEXT,
            "start": TIME,
            "duration_ms": NUMBER_OR_NULL,
            "status": TEXT,
            "error": {"type": ["object", "null"], "additionalProperties": {}},
            "model": TEXT_OR_NULL,
            "provider": TEXT_OR_NULL,
            "tool": TEXT_OR_NULL,
            "agent": TEXT_OR_NULL,
            **PLACE,
            "input_tokens": INTEGER_OR_NULL,
            "output_tokens": INTEGER_OR_NULL,
            **USAGE,
            "cost_usd": MONEY,
            "counted": {"type": "boolean"},
            "finish_reason": TEXT_OR_NULL,
            "time_to_first_token_ms": NUMBER_OR_NULL,
            "input": {},
            "output": {},
            "attributes": OBJECT,
        },
    ),
    "Trace": _members(
        "A trace with all its spans.",
        {**SUMMARY, "spans": {"type": "array", "items": {"$ref": "#/components/schemas/Span"}}},
    ),
}

RESPONSES: dict[str, tuple[str, str]] = {
    "score_configs_change": ("200", "ScoreConfig"),
    "score_configs_create": ("201", "ScoreConfig"),
    "score_configs_list": ("200", "ScoreConfigPage"),
    "score_configs_retrieve": ("200", "ScoreConfig"),
    "scores_list": ("200", "ScorePage"),
    "traces_list": ("200", "TracePage"),
    "traces_retrieve": ("200", "Trace"),
}
"""Which component answers an operation, and with which status."""
