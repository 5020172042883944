"""A labelled example as one line of JSON."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework import serializers

from console.lib.clock import rfc3339
from metrics.wire import usd
from reviews.models import Decision, FeedbackCorrection, FeedbackExample
from reviews.selectors.feedback import Position, cursor_at
from reviews.serializers.approvals import message_of, policy_of, risk_of
from reviews.serializers.fields import StrictSerializer, Text, TextList
from reviews.services.decisions import same_json
from reviews.services.feedback_corrections import REASON_CHARS
from reviews.services.feedback_labels import DESCRIPTION_CHARS, GIVEN_MAX, LABELS_MAX, NAME_CHARS
from reviews.services.outcomes import BY_PERSON
from reviews.wire import final_arguments

PSEUDONYM_CHARS = 16


class CorrectionSerializer(StrictSerializer):
    """POST /api/v1/feedback/{id}/corrections: what is left out stays as it is."""

    labels = TextList(max_length=GIVEN_MAX, required=False)
    reason = Text(max_length=REASON_CHARS, required=False, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError({"labels": [_("give labels or a reason")]})
        return attrs


class LabelSerializer(StrictSerializer):
    """One label of the taxonomy."""

    name = Text(max_length=NAME_CHARS)
    description = Text(max_length=DESCRIPTION_CHARS, required=False, allow_blank=True)


class TaxonomySerializer(StrictSerializer):
    """PUT /api/v1/feedback/labels."""

    labels = serializers.ListField(child=LabelSerializer(), max_length=LABELS_MAX)
    closed = serializers.BooleanField(required=False)


def line_of(example: FeedbackExample, *, names: bool = False) -> dict[str, Any]:
    """The JSON object of an example that was read `with_parts`; with `names` it says who decided.

    `models` and `cost_usd` are what the trace had used when the revision was written.
    """
    return {
        **_what(example),
        **_made_of_it(example, names),
        **_where(example, names),
        "outcome": outcome_of(example, names=names),
        "correction": correction_of(example.correction, names=names),
        "scores": scores_of(example, names=names),
        "recorded_at": rfc3339(example.recorded_at),
    }


def _what(example: FeedbackExample) -> dict[str, Any]:
    approval, item = example.approval, example.item
    return {
        "id": f"{approval.pk}:{item.index}",
        "revision": example.revision,
        "cause": example.cause,
        "cursor": cursor_at(Position(example.transaction, example.pk)),
        "approval_id": str(approval.pk),
        "action": example.action,
        "proposed_arguments": item.arguments,
    }


def _made_of_it(example: FeedbackExample, names: bool) -> dict[str, Any]:
    item, decision = example.item, example.decision
    final = final_arguments(item, decision)
    return {
        "final_arguments": final,
        "diff": list(differences(item.arguments, final)) if final is not None else [],
        "verdict": example.verdict,
        "reason": example.reason,
        "message": decision.message if decision else "",
        "labels": example.labels,
        "decided_at": rfc3339(decision.decided_at) if decision else None,
        "reviewer": reviewer_of(decision, names=names),
    }


def _where(example: FeedbackExample, names: bool) -> dict[str, Any]:
    approval = example.approval
    messages = [message_of(event) for event in approval.events.all()]
    return {
        "summary": approval.summary,
        "description": example.item.description or approval.description,
        "context": approval.context,
        "messages": messages if names else [_unnamed(message) for message in messages],
        "agent": {"name": approval.agent, "version": approval.agent_version} if approval.agent else None,
        "session_id": approval.session_id or None,
        "trace_id": approval.trace_id or None,
        "span_id": approval.span_id or None,
        "models": example.trace_models,
        "cost_usd": usd(example.trace_cost_nanos),
        "confidence": approval.confidence,
        "suggestion": approval.suggestion or None,
        "risk": risk_of(approval),
        "policy": policy_of(approval),
        "requested_at": rfc3339(approval.requested_at),
    }


def _unnamed(message: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in message.items() if key != "name"}


def reviewer_of(decision: Decision | None, *, names: bool = False) -> dict[str, str] | None:
    """Who decided, and their role then; without `names` only as a pseudonym. None where nobody did."""
    if decision is None or decision.reviewer_id is None:
        return None
    name = decision.reviewer_name if names else ""
    return _person(decision.project_id, decision.reviewer_id, decision.reviewer_role, name)


def correction_of(correction: FeedbackCorrection | None, *, names: bool = False) -> dict[str, Any] | None:
    """Who corrected the labels and the reason last, and when. The person is told as in `reviewer_of`."""
    if correction is None:
        return None
    by = None
    if correction.corrected_by_id is not None:
        name = correction.corrected_by_name if names else ""
        by = _person(correction.project_id, correction.corrected_by_id, correction.corrected_by_role, name)
    return {"by": by, "at": rfc3339(correction.corrected_at)}


def outcome_of(example: FeedbackExample, *, names: bool = False) -> dict[str, Any] | None:
    """How it went. Who said so is told of agents, and of people only with `names`."""
    outcome = example.outcome
    if outcome is None or names or outcome.get("source") not in {None, BY_PERSON}:
        return outcome
    return {key: value for key, value in outcome.items() if key != "by"}


def scores_of(example: FeedbackExample, *, names: bool = False) -> list[dict[str, Any]]:
    """What people gave the trace and its spans, as known when the revision was written.

    Authors have other pseudonyms than reviewers: whoever may read scores of traces reads there who gave them, and must
    not learn by that who decided.
    """
    return [{**score, "author": _author(example.project_id, score["author"], names)} for score in example.scores]


def _author(project_id: int, author: dict[str, Any], names: bool) -> dict[str, str] | None:
    if author["user"] is None:
        return None
    person = {"id": pseudonym(project_id, author["user"], part="scorer")}
    return person | {"name": author["name"]} if names else person


def _person(project_id: int, user_id: int, role: str, name: str) -> dict[str, str]:
    person = {"id": pseudonym(project_id, user_id), "role": role}
    return person | {"name": name} if name else person


def pseudonym(project_id: int, user_id: int, *, part: str = "reviewer") -> str:
    """What a person is called in examples for their part in them: the same in all of a project, another elsewhere."""
    identity = f"{part}:{project_id}:{user_id}"
    return hmac.new(settings.SECRET_KEY.encode(), identity.encode(), hashlib.sha256).hexdigest()[:PSEUDONYM_CHARS]


def differences(before: Any, after: Any, path: str = "") -> Iterator[dict[str, Any]]:
    """What changed, as JSON Patch operations (RFC 6902) with `from` added; lists are compared as a whole."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            where = f"{path}/{str(name).replace('~', '~0').replace('/', '~1')}"
            if name not in after:
                yield {"op": "remove", "path": where, "old": before[name]}
            elif name not in before:
                yield {"op": "add", "path": where, "value": after[name]}
            else:
                yield from differences(before[name], after[name], where)
    elif not same_json(before, after):
        yield {"op": "replace", "path": path, "old": before, "value": after}
