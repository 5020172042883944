"""A request as the API shows it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import reverse

from console.lib.clock import rfc3339
from reviews import states
from reviews.models import Approval, ApprovalEvent, ApprovalItem, Decision

EFFECTS = {
    states.Status.APPROVED: "allow",
    states.Status.ANSWERED: "answer",
    states.Status.REJECTED: "deny",
    states.Status.EXPIRED: "deny",
    states.Status.CANCELLED: "deny",
}
"""What the agent is to do with its action, in one word, whatever statuses are added."""


def represent(approval: Approval, *, estimated_wait_seconds: int | None) -> dict[str, Any]:
    """The JSON object of a request that was read `with_parts`. The estimate is left out of requests that are closed."""
    item = approval.item
    return {
        "id": str(approval.pk),
        "url": page_url(approval),
        "status": approval.status,
        "effect": EFFECTS.get(states.Status(approval.status)),
        "action": approval.action,
        "arguments": item.arguments,
        "summary": approval.summary,
        "description": approval.description or item.description,
        "context": approval.context,
        "arguments_schema": item.arguments_schema,
        "allowed_decisions": item.allowed_decisions,
        "agent": {"name": approval.agent, "version": approval.agent_version} if approval.agent else None,
        "trace_id": approval.trace_id or None,
        "span_id": approval.span_id or None,
        "session_id": approval.session_id or None,
        "end_user": approval.end_user or None,
        "confidence": approval.confidence,
        "suggestion": approval.suggestion or None,
        "priority": approval.priority,
        "team": approval.team or None,
        "tags": approval.tags,
        "risk": risk_of(approval),
        "policy": policy_of(approval),
        "requested_by": approval.requested_by_label,
        "requested_at": rfc3339(approval.requested_at),
        "timeout_seconds": approval.timeout_seconds,
        "on_timeout": approval.on_timeout,
        "expires_at": rfc3339(approval.expires_at),
        "closed_at": rfc3339(approval.closed_at) if approval.closed_at else None,
        "estimated_wait_seconds": estimated_wait_seconds if approval.is_waiting else None,
        "callback_url": approval.callback_url or None,
        "metadata": approval.metadata,
        "decision": _decision(approval, item),
        "messages": [_message(event) for event in approval.events.all() if event.kind == ApprovalEvent.Kind.MESSAGE],
        "outcome": approval.outcome,
    }


def page_url(approval: Approval) -> str:
    """The address of the page where people decide. Wants `project` at hand."""
    path = reverse("reviews:approval", args=[approval.project.slug, approval.pk])
    return f"{settings.PUBLIC_URL}{path}"


def risk_of(approval: Approval) -> dict[str, Any]:
    """The risk, with its factors and the explanation in words."""
    return {"level": approval.risk_level, "score": approval.risk_score, **approval.risk}


def policy_of(approval: Approval) -> dict[str, Any]:
    """Which version of the policy was applied, and which of its rules matched."""
    return {"version": approval.policy_version.number, "rule": approval.rule}


def final_arguments(item: ApprovalItem, decision: Decision | None) -> Any:
    """What the agent is to run with: as proposed when approved, as changed when edited, else null."""
    if decision is None or decision.verdict not in {states.Verdict.APPROVE, states.Verdict.EDIT}:
        return None
    return decision.arguments if decision.verdict == states.Verdict.EDIT else item.arguments


def _decision(approval: Approval, item: ApprovalItem) -> dict[str, Any] | None:
    decisions = list(approval.decisions.all())
    if approval.status not in states.DECIDED or not decisions:
        return None
    last = decisions[-1]
    receipt = next((each for each in approval.receipts.all() if each.item_id == item.pk), None)
    return {
        "verdict": last.verdict,
        "arguments": final_arguments(item, last),
        "reason": last.reason,
        "message": last.message,
        "labels": last.labels,
        "reviewers": [
            {"name": decision.reviewer_name, "verdict": decision.verdict, "at": rfc3339(decision.decided_at)}
            for decision in decisions
        ],
        "decided_by": approval.decided_by_label,
        "decided_at": rfc3339(last.decided_at),
        "receipt": receipt.token if receipt else None,
        "consumed_at": rfc3339(receipt.consumed_at) if receipt and receipt.consumed_at else None,
    }


def _message(event: ApprovalEvent) -> dict[str, Any]:
    return {
        "from": "agent" if event.actor_id is None else "reviewer",
        "name": event.actor_label,
        "text": event.detail["text"],
        "at": rfc3339(event.at),
    }
