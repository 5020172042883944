"""What the API of evaluations and comparisons answers, as JSON Schema: see `shapes`."""

from __future__ import annotations

from metrics.evaluation import Dimension
from reviews.api.shapes import INTEGER, NUMBER, OBJECT, TEXT, TEXTS, TIME, Schema, listed, members, or_null, ref
from reviews.comparing import Measure

BOOLEAN: Schema = {"type": "boolean"}
ENDS: dict[str, Schema] = {"value": or_null(NUMBER), "low": or_null(NUMBER), "high": or_null(NUMBER)}
SIDE: dict[str, Schema] = {
    **dict.fromkeys(("agent", "version", "model", "environment", "tag"), or_null(TEXT)),
    "from": TIME,
    "to": TIME,
    "traces": INTEGER,
    "newest_only": BOOLEAN,
}

COMPONENTS: dict[str, Schema] = {
    "AgentDimension": members(
        "One dimension of a version: shares from 0 to 1, of performance seconds; nulls without data.",
        {
            "dimension": {"type": "string", "enum": [str(name) for name in Dimension]},
            **ENDS,
            "count": INTEGER,
            "target": NUMBER,
            "met": or_null(BOOLEAN),
            "sure": BOOLEAN,
            "goodness": or_null(NUMBER),
            "weight": NUMBER,
            "weight_used": or_null(NUMBER),
            "notes": OBJECT,
        },
    ),
    "AgentVersionEvaluation": members(
        "A version; `overall` from 0 to 100 over the dimensions that have data.",
        {
            "version": or_null(TEXT),
            "requests": INTEGER,
            "overall": or_null(NUMBER),
            "covered": NUMBER,
            "dimensions": listed(ref("AgentDimension")),
            "recommendations": TEXTS,
        },
    ),
    "AgentEvaluationDay": members(
        "What was written down of a version on a day (UTC), about the seven days up to its end.",
        {
            "day": {"type": "string", "format": "date"},
            "version": or_null(TEXT),
            "overall": or_null(NUMBER),
            "covered": NUMBER,
            "requests": INTEGER,
            "dimensions": OBJECT,
        },
    ),
    "AgentEvaluation": members(
        "How good an agent's versions are, those used most first.",
        {
            "agent": TEXT,
            "from": TIME,
            "to": TIME,
            "versions": listed(ref("AgentVersionEvaluation")),
            "traces_read": INTEGER,
            "approvals_read": INTEGER,
            "newest_only": BOOLEAN,
            "history": listed(ref("AgentEvaluationDay")),
        },
    ),
    "ComparedFigure": members(
        "A figure of one side with its 95 % interval, and of how many cases it is.", {**ENDS, "count": INTEGER}
    ),
    "ComparedMeasure": members(
        "One measure of both sides: seconds, USD, or shares from 0 to 1.",
        {
            "measure": {"type": "string", "enum": [str(name) for name in Measure]},
            "a": ref("ComparedFigure"),
            "b": ref("ComparedFigure"),
            "difference": members("b less a, with its 95 % interval.", ENDS),
            "clear": BOOLEAN,
            "better": or_null(TEXT),
            "p": or_null(NUMBER),
            "p_corrected": or_null(NUMBER),
            "more_needed": or_null(INTEGER),
            "b_larger": or_null(NUMBER),
            "says": TEXT,
        },
    ),
    "Comparison": members(
        "Two sides, measure by measure.",
        {
            "a": members("What one side is.", SIDE),
            "b": members("What the other side is.", SIDE),
            "measures": listed(ref("ComparedMeasure")),
            "verdict": TEXTS,
            "caution": or_null(TEXT),
        },
    ),
}

RESPONSES: dict[str, tuple[str, str]] = {
    "agents_evaluation": ("200", "AgentEvaluation"),
    "comparisons_retrieve": ("200", "Comparison"),
}
"""Which component answers an operation, and with which status."""
