"""What the API of examples, datasets, back-tests and suggested rules answers, as JSON Schema: see `shapes`."""

from __future__ import annotations

from reviews.api.shapes import (
    ANY,
    INTEGER,
    NUMBER,
    OBJECT,
    TEXT,
    TEXTS,
    TIME,
    VERDICT,
    Schema,
    listed,
    members,
    or_null,
    page,
    ref,
)
from reviews.exporting import FORMATS
from reviews.freezing import SPLITS

ID: Schema = {"type": "string", "format": "uuid"}
ADDRESS: Schema = {"type": "string", "format": "uri"}
COUNTS: Schema = {"type": "object", "additionalProperties": INTEGER}
FILTERS: Schema = {"type": "object", "additionalProperties": TEXT}
SHARES = members("Percent of each split.", dict.fromkeys(SPLITS, INTEGER))
WORK: Schema = {"type": "string", "enum": ["queued", "running", "ready", "failed", "expired"]}
INTERVAL = members(
    "A share and its Wilson interval at 95 %; null where there is nothing to count.",
    {"value": or_null(NUMBER), "low": or_null(NUMBER), "high": or_null(NUMBER)},
)
PERSON = members(
    "Somebody: a pseudonym, and the name where the project says so.",
    {"id": TEXT, "role": TEXT, "name": TEXT},
    optional=["role", "name"],
)
FIGURES: dict[str, Schema] = {
    "requests": INTEGER,
    "decided_by_people": INTEGER,
    "not_decided_by_people": COUNTS,
    "would_have_done_with_those": COUNTS,
    "doubtful": INTEGER,
    "auto_approved": INTEGER,
    "auto_rejected": INTEGER,
    "false_approvals": members("Approved against people.", {"by": COUNTS, "share": ref("Share")}),
    "false_rejections": members("Rejected against people.", {"by": COUNTS, "share": ref("Share")}),
    "load_saved": members(
        "What people would not have had to look at.",
        {
            "share": ref("Share"),
            "reviewer_hours": NUMBER,
            "of_reviewer_hours": NUMBER,
            "timed_share": or_null(NUMBER),
        },
    ),
}
EXAMPLE: dict[str, Schema] = {
    "id": TEXT,
    "revision": INTEGER,
    "cause": {"type": "string", "enum": ["decision", "outcome", "correction", "score"]},
    "cursor": TEXT,
    "approval_id": ID,
    "action": TEXT,
    "proposed_arguments": OBJECT,
    "final_arguments": or_null(OBJECT),
    "diff": listed(
        members("One change.", {"op": TEXT, "path": TEXT, "old": ANY, "value": ANY}, optional=["old", "value"])
    ),
    "verdict": {"type": "string", "enum": ["approve", "edit", "reject", "respond", "expired", "cancelled"]},
    "reason": TEXT,
    "message": TEXT,
    "labels": TEXTS,
    "decided_at": or_null(TIME),
    "reviewer": or_null(ref("Person")),
    "summary": TEXT,
    "description": TEXT,
    "context": OBJECT,
    "messages": listed(OBJECT),
    "agent": or_null(ref("AgentName")),
    "session_id": or_null(TEXT),
    "trace_id": or_null(TEXT),
    "span_id": or_null(TEXT),
    "models": TEXTS,
    "cost_usd": or_null(TEXT),
    "confidence": or_null(NUMBER),
    "suggestion": or_null(TEXT),
    "risk": ref("Risk"),
    "policy": ref("PolicyApplied"),
    "requested_at": TIME,
    "outcome": or_null(OBJECT),
    "correction": or_null(members("Who corrected it last.", {"by": or_null(ref("Person")), "at": TIME})),
    "scores": listed(ref("ScoreOfPerson")),
    "recorded_at": TIME,
}

COMPONENTS: dict[str, Schema] = {
    "Share": INTERVAL,
    "Person": PERSON,
    "ScoreOfPerson": members(
        "What somebody gave the trace or one of its spans.",
        {
            "name": TEXT,
            "type": or_null(TEXT),
            "value": or_null(NUMBER),
            "label": or_null(TEXT),
            "comment": or_null(TEXT),
            "span_id": or_null(TEXT),
            "author": or_null(ref("Person")),
            "at": TIME,
        },
    ),
    "FeedbackExample": members("One revision of a labelled example: a line of the stream.", EXAMPLE),
    "FeedbackExampleWhole": members(
        "An example in its newest revision, and all of them.",
        {**EXAMPLE, "revisions": listed(ref("FeedbackExample"))},
    ),
    "DatasetVersion": members(
        "A frozen version of a dataset, with its card.",
        {
            "dataset": INTEGER,
            "version": INTEGER,
            "status": WORK,
            "progress": NUMBER,
            "examples": INTEGER,
            "matching": or_null(INTEGER),
            "bytes": INTEGER,
            "content_hash": or_null(TEXT),
            "filters": FILTERS,
            "shares": SHARES,
            "masking": or_null(OBJECT),
            "card": OBJECT,
            "error": or_null(TEXT),
            "requested_by": TEXT,
            "requested_at": TIME,
            "finished_at": or_null(TIME),
        },
    ),
    "DatasetVersionPage": page("DatasetVersion"),
    "SavedDataset": members(
        "A saved filter over examples, and its newest version.",
        {
            "id": INTEGER,
            "name": TEXT,
            "description": TEXT,
            "filters": FILTERS,
            "shares": SHARES,
            "mask": {"type": "boolean"},
            "created_at": TIME,
            "newest_version": or_null(ref("DatasetVersion")),
        },
    ),
    "SavedDatasetPage": page("SavedDataset"),
    "DatasetExport": members(
        "A version of a dataset as a file.",
        {
            "id": ID,
            "dataset": INTEGER,
            "version": INTEGER,
            "format": {"type": "string", "enum": list(FORMATS)},
            "split": or_null(TEXT),
            "status": WORK,
            "progress": NUMBER,
            "rows": INTEGER,
            "left_out": INTEGER,
            "bytes": or_null(INTEGER),
            "sha256": or_null(TEXT),
            "error": or_null(TEXT),
            "requested_by": TEXT,
            "requested_at": TIME,
            "finished_at": or_null(TIME),
            "expires_at": or_null(TIME),
            "download": or_null(ADDRESS),
        },
    ),
    "DatasetExportPage": page("DatasetExport"),
    "BacktestFigures": members("What a policy would have done with some requests.", FIGURES),
    "BacktestRun": members(
        "A policy tried on past requests.",
        {
            "id": ID,
            "url": ADDRESS,
            "status": {"type": "string", "enum": ["waiting", "running", "done", "cancelled", "failed"]},
            "policy": members("What was tried.", {"subject": TEXT, "version": INTEGER, "digest": TEXT}),
            "since": TIME,
            "until": TIME,
            "total": or_null(INTEGER),
            "done": INTEGER,
            "created_by": or_null(TEXT),
            "created_at": TIME,
            "finished_at": or_null(TIME),
            "results": members(
                "The figures as far as the run has got.",
                {
                    **FIGURES,
                    "by_agent": listed(members("Of one agent.", {"agent": or_null(TEXT), **FIGURES})),
                    "by_action": listed(members("Of one action.", {"action": or_null(TEXT), **FIGURES})),
                },
            ),
        },
        optional=["results"],
    ),
    "BacktestRunPage": page("BacktestRun"),
    "BacktestDisagreement": members(
        "A request on which a tried policy and people disagree.",
        {
            "approval_id": ID,
            "requested_at": TIME,
            "kind": {"type": "string", "enum": ["false_approval", "false_rejection"]},
            "what": TEXT,
            "rule": TEXT,
            "action": TEXT,
            "agent": TEXT,
        },
    ),
    "BacktestDisagreementPage": page("BacktestDisagreement"),
    "SuggestedRule": members(
        "A rule that past decisions suggest, with the evidence.",
        {
            "id": ID,
            "url": ADDRESS,
            "status": {"type": "string", "enum": ["proposed", "drafted", "dismissed"]},
            "sentence": TEXT,
            "action": TEXT,
            "verdict": VERDICT,
            "condition": TEXT,
            "clauses": listed(members("A part of the condition.", {"path": TEXT, "comparison": TEXT, "value": ANY})),
            "evidence": members(
                "The decisions that it was found in.",
                {
                    "matched": INTEGER,
                    "agreeing": INTEGER,
                    "share": ref("Share"),
                    "not_searched": members(
                        "Later ones, by which it was confirmed.", {"matched": INTEGER, "agreeing": INTEGER}
                    ),
                    "exceptions": listed(ID),
                    "since": TIME,
                    "until": TIME,
                },
            ),
            "backtest": members(
                "The policy in force with this rule, tried on the past.",
                {"id": ID, "of_action": or_null(ref("BacktestFigures"))},
            ),
            "found_at": TIME,
        },
    ),
    "SuggestedRules": members(
        "Suggestions that nobody has answered.", {"results": listed(ref("SuggestedRule")), "being_tried": INTEGER}
    ),
}

RESPONSES: dict[str, tuple[str, str]] = {
    "feedback_stream": ("200", "FeedbackExample"),
    "feedback_read": ("200", "FeedbackExampleWhole"),
    "feedback_correct": ("200", "FeedbackExample"),
    "datasets_list": ("200", "SavedDatasetPage"),
    "datasets_create": ("201", "SavedDataset"),
    "datasets_read": ("200", "SavedDataset"),
    "dataset_versions_list": ("200", "DatasetVersionPage"),
    "dataset_versions_freeze": ("201", "DatasetVersion"),
    "dataset_versions_read": ("200", "DatasetVersion"),
    "dataset_versions_forget": ("200", "DatasetVersion"),
    "exports_list": ("200", "DatasetExportPage"),
    "exports_create": ("201", "DatasetExport"),
    "exports_read": ("200", "DatasetExport"),
    "backtests_list": ("200", "BacktestRunPage"),
    "backtests_start": ("201", "BacktestRun"),
    "backtests_read": ("200", "BacktestRun"),
    "backtests_cancel": ("200", "BacktestRun"),
    "backtests_disagreements": ("200", "BacktestDisagreementPage"),
    "patterns_list": ("200", "SuggestedRules"),
    "patterns_accept": ("200", "SuggestedRule"),
    "patterns_dismiss": ("200", "SuggestedRule"),
}
