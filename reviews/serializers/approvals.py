"""A request as the API shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings

from console.lib.clock import rfc3339
from reviews import quorum
from reviews.addresses import page_of
from reviews.models import Approval, ApprovalEvent, ApprovalItem
from reviews.selectors.whole import Parts
from reviews.serializers.people import people_of
from reviews.wire import decision_of, effect_of, items_of

PLACE = ("trace_id", "span_id", "session_id", "end_user")
"""Where in the agent's work a request was made; null where the agent did not say."""

CHECKED = ("flags", "unchecked_chars")
"""What checks of its text found, and how much of it they did not read."""


def represent(
    approval: Approval,
    *,
    estimated_wait_seconds: int | None,
    notices: Sequence[str] = (),
    parts: Parts | None = None,
) -> dict[str, Any]:
    """The JSON object of a request that was read `with_parts`, or by `read_whole` with `parts`; once it is closed
    without the estimate. `notices` are what keeps it from people, in sentences."""
    parts = parts or Parts.of(approval)
    needed = approval.review_plan.approvals_needed
    item, standings = parts.items[0], quorum.standings(parts.items, parts.decisions, needed=needed)
    items = items_of(approval, standings, parts.receipts)
    return {
        "id": str(approval.pk),
        "url": page_url(approval),
        "status": approval.status,
        "effect": effect_of(approval, items),
        **_proposed(approval, item),
        "confidence": approval.confidence,
        "suggestion": approval.suggestion or None,
        "priority": approval.priority,
        **people_of(approval),
        "tags": approval.tags,
        "risk": risk_of(approval),
        **_ruled(approval),
        **{name: getattr(approval, name) for name in CHECKED},
        "requested_by": approval.requested_by_label,
        **_times_of(approval),
        "estimated_wait_seconds": estimated_wait_seconds if approval.is_waiting else None,
        "notices": list(notices),
        "callback_url": approval.callback_url or None,
        "metadata": approval.metadata,
        "approvals_needed": needed,
        "items": items,
        "decision": decision_of(approval, standings, items),
        "messages": [message_of(event) for event in parts.conversation],
        "outcome": approval.outcome,
    }


def _proposed(approval: Approval, item: ApprovalItem) -> dict[str, Any]:
    return {
        "action": approval.action,
        "arguments": item.arguments,
        "summary": approval.summary,
        "description": approval.description or item.description,
        "context": approval.context,
        "arguments_schema": item.arguments_schema,
        "allowed_decisions": item.allowed_decisions,
        "agent": {"name": approval.agent, "version": approval.agent_version} if approval.agent else None,
        **{name: getattr(approval, name) or None for name in PLACE},
    }


def _ruled(approval: Approval) -> dict[str, Any]:
    """What the policy made of it, and which of its conditions could not be judged."""
    return {"policy": policy_of(approval), "rule_trace": approval.rule_trace, "errors": approval.failed_conditions}


def _times_of(approval: Approval) -> dict[str, Any]:
    return {
        "requested_at": rfc3339(approval.requested_at),
        "timeout_seconds": approval.timeout_seconds,
        "on_timeout": approval.on_timeout,
        "expires_at": rfc3339(approval.expires_at),
        "closed_at": rfc3339(approval.closed_at) if approval.closed_at else None,
    }


def page_url(approval: Approval) -> str:
    """The address of the page where people decide. Wants `project` at hand."""
    return f"{settings.PUBLIC_URL}{page_of(approval.project.slug, approval.pk)}"


def risk_of(approval: Approval) -> dict[str, Any]:
    """The risk, with its factors and the explanation in words."""
    return {"level": approval.risk_level, "score": approval.risk_score, **approval.risk}


def policy_of(approval: Approval) -> dict[str, Any]:
    """Which version of the policy was applied, and which of its rules matched."""
    return {"version": approval.policy_version.number, "rule": approval.rule}


def message_of(event: ApprovalEvent) -> dict[str, Any]:
    return {
        "from": "agent" if event.actor_id is None else "reviewer",
        "kind": "question" if event.kind == ApprovalEvent.Kind.INFO_REQUESTED else "message",
        "name": event.actor_label,
        "text": event.detail["text"],
        "at": rfc3339(event.at),
    }
