"""What people decided on requests like one, as JSON. Counts and an interval, never advice."""

from __future__ import annotations

from typing import Any

from console.lib.clock import rfc3339
from reviews.selectors.precedents import FEW, Precedent, Precedents
from reviews.serializers.approvals import page_url
from reviews.serializers.feedback import reviewer_of
from reviews.wire import final_arguments

DIGITS = 4


def precedents_of(found: Precedents, *, item: int) -> dict[str, Any]:
    """The JSON object. `share_approved` is null where nothing similar was decided."""
    share = found.share
    bounds = {"value": share.value, "low": share.low, "high": share.high}
    rounded = {name: round(value, DIGITS) for name, value in bounds.items() if value is not None}
    return {
        "item": item,
        "searched": found.searched,
        "similar": found.considered,
        "approved": found.approved,
        "share_approved": {**rounded, "n": found.considered, "confidence": 0.95} if rounded else None,
        "too_few": found.considered < FEW,
        "results": [_precedent(row) for row in found.rows],
    }


def _precedent(row: Precedent) -> dict[str, Any]:
    approval, decision = row.approval, row.decision
    return {
        "approval_id": str(approval.pk),
        "url": page_url(approval),
        "item": row.item.index,
        "action": row.item.action,
        "summary": approval.summary,
        "proposed_arguments": row.item.arguments,
        "final_arguments": final_arguments(row.item, decision),
        "likeness": round(row.likeness, DIGITS),
        "same_arguments": row.equal,
        "verdict": row.verdict,
        "reason": decision.reason if decision else "",
        "message": decision.message if decision else "",
        "labels": decision.labels if decision else [],
        "reviewer": reviewer_of(decision),
        "outcome": approval.outcome,
        "decided_at": rfc3339(row.decided_at),
    }
