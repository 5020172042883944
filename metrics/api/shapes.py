"""What the API of telemetry answers, as JSON Schema for the OpenAPI document (`metrics.wire` writes it)."""

from __future__ import annotations

from typing import Any

from metrics.checks.catalogue import KINDS, SEVERITIES

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

BUDGET: dict[str, Schema] = {
    "id": INTEGER,
    "name": TEXT,
    "agent": TEXT_OR_NULL,
    "model": TEXT_OR_NULL,
    "period": {"type": "string", "enum": ["day", "week", "month"]},
    "time_zone": TEXT,
    "warn_share": {"type": "number"},
    "when_spent": {"type": "string", "enum": ["warn", "refuse"]},
    "level": {"type": "string", "enum": ["fine", "warned", "spent"]},
    **dict.fromkeys(("limit", "spent", "remaining", "unattributed", "forecast"), MONEY),
    "share": NUMBER_OR_NULL,
    "unpriced_calls": INTEGER,
    "period_start": TIME,
    "resets_at": TIME,
    "created_at": TIME,
    "archived_at": {"type": ["string", "null"], "format": "date-time"},
}


def _page(of: str) -> Schema:
    return _members(
        "A page of a list; `next` is the address of the following one.",
        {
            "results": {"type": "array", "items": {"$ref": f"#/components/schemas/{of}"}},
            "next": {"type": ["string", "null"], "format": "uri"},
        },
    )


FLAG = _members(
    "A pattern of a version that was found: characters from `start` to `end`, excluded, of the text at `path`.",
    {
        "pattern": TEXT,
        "version": INTEGER,
        "kind": {"type": "string", "enum": list(KINDS)},
        "severity": {"type": "string", "enum": list(SEVERITIES)},
        "path": TEXT,
        "start": INTEGER,
        "end": INTEGER,
        "excerpt": TEXT,
    },
)

COMPONENTS: dict[str, Schema] = {
    "Flag": FLAG,
    "CheckPattern": _members(
        "A pattern that text is checked with; `spans_flagged` in the last days that the answer names.",
        {
            "id": TEXT,
            "version": INTEGER,
            "kind": {"type": "string", "enum": list(KINDS)},
            "severity": {"type": "string", "enum": list(SEVERITIES)},
            "title": TEXT,
            "description": TEXT,
            "applies": TEXTS,
            "expression": TEXT_OR_NULL,
            "enabled": {"type": "boolean"},
            "spans_flagged": INTEGER,
        },
    ),
    "CheckPatterns": _members(
        "All patterns.",
        {
            "results": {"type": "array", "items": {"$ref": "#/components/schemas/CheckPattern"}},
            "days": INTEGER,
        },
    ),
    "Checked": _members(
        "What was found in a text, and how much of it was too far behind to be read.",
        {"flags": {"type": "array", "items": {"$ref": "#/components/schemas/Flag"}}, "unchecked_chars": INTEGER},
    ),
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
            "flags": {"type": "array", "items": {"$ref": "#/components/schemas/Flag"}},
        },
    ),
    "Budget": _members("What may be spent in a period, and what is.", BUDGET),
    "BudgetPage": _members(
        "The budgets in force.",
        {"results": {"type": "array", "items": {"$ref": "#/components/schemas/Budget"}}, "next": {"type": "null"}},
    ),
    "BudgetCheck": _members(
        "Whether more may be spent, in the figures of the tightest of the budgets that apply; null without any.",
        {
            "allowed": {"type": "boolean"},
            "budget": {"type": ["object", "null"], "additionalProperties": {}},
            "level": TEXT_OR_NULL,
            **dict.fromkeys(("spent", "limit", "remaining"), MONEY),
            "share": NUMBER_OR_NULL,
            "unpriced_calls": INTEGER_OR_NULL,
            "resets_at": {"type": ["string", "null"], "format": "date-time"},
            "budgets": {"type": "array", "items": {"$ref": "#/components/schemas/Budget"}},
        },
    ),
    "Score": _members(
        "What somebody or something thought of a trace, a span of it, or a session.",
        {
            "id": INTEGER,
            "trace_id": TEXT_OR_NULL,
            "span_id": TEXT_OR_NULL,
            "session_id": TEXT_OR_NULL,
            "name": TEXT,
            "data_type": TEXT_OR_NULL,
            "value": NUMBER_OR_NULL,
            "label": TEXT_OR_NULL,
            "comment": TEXT_OR_NULL,
            "source": {"type": "string", "enum": ["human", "sdk", "evaluation", "end_user", "import"]},
            "author": TEXT_OR_NULL,
            "external_id": TEXT_OR_NULL,
            "metadata": OBJECT,
            "created_at": TIME,
            "updated_at": TIME,
        },
    ),
    "ScorePage": _page("Score"),
    "ScoreConfig": _members(
        "What scores of a name must look like.",
        {
            "id": INTEGER,
            "name": TEXT,
            "data_type": {"type": "string", "enum": ["numeric", "categorical", "boolean", "text"]},
            "min_value": NUMBER_OR_NULL,
            "max_value": NUMBER_OR_NULL,
            "categories": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"label": TEXT, "value": NUMBER_OR_NULL},
                    "required": ["label", "value"],
                },
            },
            "description": TEXT,
            "archived": {"type": "boolean"},
            "created_at": TIME,
            "updated_at": TIME,
        },
    ),
    "ScoreConfigPage": _page("ScoreConfig"),
    "AnnotationQueue": _members(
        "Traces and spans that people are to score; counts go up to 10000.",
        {
            "id": INTEGER,
            "name": TEXT,
            "description": TEXT,
            "scores": TEXTS,
            "reviewers": INTEGER,
            "team": TEXT_OR_NULL,
            "waiting": INTEGER,
            "done": INTEGER,
            "created_at": TIME,
        },
    ),
    "AnnotationQueuePage": _page("AnnotationQueue"),
    "AnnotationItem": _members(
        "A trace or a span in an annotation queue.",
        {
            "id": INTEGER,
            "trace_id": TEXT,
            "span_id": TEXT_OR_NULL,
            "state": {"type": "string", "enum": ["waiting", "done"]},
            "done_count": INTEGER,
            "reason": TEXT_OR_NULL,
            "added_by": TEXT_OR_NULL,
            "assigned_to": TEXT_OR_NULL,
            "reviews": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"name": TEXT, "state": TEXT, "at": TIME},
                    "required": ["name", "state", "at"],
                },
            },
            "created_at": TIME,
            "done_at": {"type": ["string", "null"], "format": "date-time"},
        },
    ),
    "AnnotationItemPage": _page("AnnotationItem"),
    "AnnotationAdded": _members(
        "How many items are new, and how many were in the queue already.", {"added": INTEGER, "known": INTEGER}
    ),
    "Trace": _members(
        "A trace with all its spans.",
        {**SUMMARY, "spans": {"type": "array", "items": {"$ref": "#/components/schemas/Span"}}},
    ),
}

RESPONSES: dict[str, tuple[str, str]] = {
    "checks_list": ("200", "CheckPatterns"),
    "checks_try": ("200", "Checked"),
    "annotation_items_add": ("201", "AnnotationAdded"),
    "annotation_items_list": ("200", "AnnotationItemPage"),
    "annotation_queues_create": ("201", "AnnotationQueue"),
    "annotation_queues_list": ("200", "AnnotationQueuePage"),
    "budgets_list": ("200", "BudgetPage"),
    "budgets_create": ("201", "Budget"),
    "budgets_read": ("200", "Budget"),
    "budgets_change": ("200", "Budget"),
    "budgets_check": ("200", "BudgetCheck"),
    "score_configs_change": ("200", "ScoreConfig"),
    "score_configs_create": ("201", "ScoreConfig"),
    "score_configs_list": ("200", "ScoreConfigPage"),
    "score_configs_retrieve": ("200", "ScoreConfig"),
    "scores_list": ("200", "ScorePage"),
    "traces_list": ("200", "TracePage"),
    "traces_retrieve": ("200", "Trace"),
}
"""Which component answers an operation, and with which status."""
