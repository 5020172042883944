"""What the API of the quality of labels answers, as JSON Schema: see `shapes`."""

from __future__ import annotations

from reviews.agreement import Why
from reviews.api.learning_shapes import INTERVAL
from reviews.api.shapes import INTEGER, NUMBER, TEXT, TIME, Schema, listed, members, or_null, ref
from reviews.models import RatedItem

PERSON = members("Somebody: a pseudonym, and the name where the project says so.", {"id": TEXT, "name": TEXT}, ["name"])
ENDS: dict[str, Schema] = dict.fromkeys(("value", "low", "high"), or_null(NUMBER))
AGREEMENT: dict[str, Schema] = {
    "items": INTEGER,
    "ratings": INTEGER,
    "unanimous": INTERVAL,
    "fleiss_kappa": ref("Coefficient"),
    "krippendorff_alpha": ref("Coefficient"),
}

COMPONENTS: dict[str, Schema] = {
    "Coefficient": members(
        "A coefficient of agreement with its interval at 95 %; without a value it says why.",
        {**ENDS, "why": {"type": ["string", "null"], "enum": [*(why.value for why in Why if why.value), None]}},
    ),
    "QualityCount": members("So many of so many, with the share.", {"part": INTEGER, "whole": INTEGER, **ENDS}),
    "QualityDrift": members(
        "How much further one person's share has moved than that of the others.",
        {
            **dict.fromkeys(("before", "recent", "others_before", "others_recent"), ref("QualityCount")),
            "moved": INTERVAL,
            "drifts": {"type": "boolean"},
        },
    ),
    "QualityReviewer": members(
        "One person's figures, week by week from a Monday (UTC) on.",
        {
            "reviewer": PERSON,
            "approved": ref("QualityCount"),
            "agreed": ref("QualityCount"),
            "seeds": or_null(ref("QualityCount")),
            "approval_drift": ref("QualityDrift"),
            "agreement_drift": ref("QualityDrift"),
            "weeks": listed(
                members(
                    "One week.",
                    {"week": TIME, **dict.fromkeys(("decided", "approved", "judged", "agreed"), INTEGER)},
                )
            ),
        },
    ),
    "Quality": members(
        "How far a project's labels can be relied on.",
        {
            "from": TIME,
            "to": TIME,
            "source": {"type": "string", "enum": list(RatedItem.Source.values)},
            "capped": {"type": "boolean"},
            "overall": members("Of all actions together.", AGREEMENT),
            "actions": listed(members("Of one action.", {"action": TEXT, **AGREEMENT})),
            "more_actions": INTEGER,
            "pairs": listed(
                members(
                    "Two people.",
                    {
                        "reviewers": listed(PERSON),
                        "items": INTEGER,
                        "same": INTERVAL,
                        "cohen_kappa": ref("Coefficient"),
                    },
                )
            ),
            "more_pairs": INTEGER,
            "reviewers": listed(ref("QualityReviewer")),
            "more_reviewers": INTEGER,
            "seeds": or_null(ref("QualityCount")),
            "definitions": {"type": "object", "additionalProperties": TEXT},
        },
    ),
}

RESPONSES: dict[str, tuple[str, str]] = {"quality_retrieve": ("200", "Quality")}
