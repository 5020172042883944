"""Policies and assessments as the API takes and shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from console.lib.clock import rfc3339
from reviews.models import PolicyVersion
from reviews.policy.engine import Assessment
from reviews.policy.schema import FORMAT, SECOND_FORMAT, Effect, Policy, dump
from reviews.policy.timing import Terms
from reviews.serializers.fields import BoundedObject, StrictSerializer, Text, WholeNumber
from reviews.services.policies import NOTE_CHARS

OUTCOMES = {Effect.REVIEW: "pending", Effect.AUTO_APPROVE: "approved", Effect.AUTO_REJECT: "rejected"}
"""The status that a request would have at once."""


@extend_schema_field({"type": "array", "items": {"type": "object"}})
class Rows(serializers.Field[Any, Any, Any, Any]):
    """A list that `reviews.policy.reading` looks into."""

    def to_internal_value(self, data: Any) -> Any:
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class PolicySerializer(StrictSerializer):
    """POST /api/v1/policies: the next version. Factors and levels that are left out are the default ones."""

    format = WholeNumber(min_value=SECOND_FORMAT, max_value=FORMAT, required=False)
    rules = Rows()
    factors = Rows(required=False)
    levels = BoundedObject(required=False)
    note = Text(max_length=NOTE_CHARS, required=False, allow_blank=True)
    base = WholeNumber(min_value=1, max_value=2**31 - 1, required=False, help_text="The version it was made from.")


def represent_version(
    version: PolicyVersion, *, in_force: bool, policy: Policy | None = None, warnings: Sequence[str] = ()
) -> dict[str, Any]:
    """A version; with `policy` also what is in it, and what of it the project's people cannot do. Wants `created_by`
    at hand."""
    return {
        "version": version.number,
        "in_force": in_force,
        "note": version.note,
        "created_by": version.created_by.display_name if version.created_by else None,
        "created_at": rfc3339(version.created_at),
        **({**dump(policy), "warnings": list(warnings)} if policy else {}),
    }


def represent_assessment(assessment: Assessment, *, version: int, terms: Terms) -> dict[str, Any]:
    """What would happen to a request: its risk, the rule that matches, why the others do not, and what follows."""
    plan, risk = assessment.plan, assessment.risk
    for_people = assessment.effect is Effect.REVIEW
    return {
        "risk": {"level": assessment.level, "score": float(risk.score), **risk.document},
        "policy": {"version": version, "rule": assessment.rule},
        "effect": assessment.effect.value,
        "status": OUTCOMES[assessment.effect],
        "reason": assessment.reason or None,
        "rejected_items": [
            {"index": index, "rule": one.rule, "reason": one.reason or None}
            for index, one in assessment.rejected.items()
        ],
        "review": {
            "team": plan.team or None,
            "approvals": plan.approvals_needed,
            "deadline_seconds": int(terms.deadline.total_seconds()),
            "on_timeout": terms.on_timeout.value,
            "escalation_steps": len(terms.steps),
            "reauthenticate": plan.asks_proof,
            "four_eyes": bool(plan.four_eyes),
            "bar_key_owner": plan.bar_key_owner,
        }
        if for_people
        else None,
        "trace": list(assessment.trace),
        "errors": list(assessment.errors),
    }
