"""A labelled example as one line of JSON."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

from django.conf import settings

from console.lib.clock import rfc3339
from reviews.models import Decision, FeedbackExample
from reviews.selectors.feedback import Position, cursor_at
from reviews.serializers.approvals import policy_of, risk_of
from reviews.services.decisions import same_json
from reviews.wire import final_arguments

PSEUDONYM_CHARS = 16


def line_of(example: FeedbackExample) -> dict[str, Any]:
    """The JSON object of an example that was read with its approval, item and decision."""
    approval, item, decision = example.approval, example.item, example.decision
    final = final_arguments(item, decision)
    return {
        "id": f"{approval.pk}:{item.index}",
        "revision": example.revision,
        "cursor": cursor_at(Position(example.transaction, example.pk)),
        "approval_id": str(approval.pk),
        "action": example.action,
        "proposed_arguments": item.arguments,
        "final_arguments": final,
        "diff": list(differences(item.arguments, final)) if final is not None else [],
        "verdict": example.verdict,
        "reason": decision.reason if decision else "",
        "message": decision.message if decision else "",
        "labels": decision.labels if decision else [],
        "summary": approval.summary,
        "context": approval.context,
        "agent": {"name": approval.agent, "version": approval.agent_version} if approval.agent else None,
        "session_id": approval.session_id or None,
        "trace_id": approval.trace_id or None,
        "confidence": approval.confidence,
        "suggestion": approval.suggestion or None,
        "risk": risk_of(approval),
        "policy": policy_of(approval),
        "requested_at": rfc3339(approval.requested_at),
        "decided_at": rfc3339(decision.decided_at) if decision else None,
        "reviewer": reviewer_of(decision),
        "outcome": example.outcome,
    }


def reviewer_of(decision: Decision | None) -> dict[str, str] | None:
    """Who decided, as a pseudonym that is stable within a project, and their role then."""
    if decision is None or decision.reviewer_id is None:
        return None
    identity = f"reviewer:{decision.project_id}:{decision.reviewer_id}"
    digest = hmac.new(settings.SECRET_KEY.encode(), identity.encode(), hashlib.sha256).hexdigest()
    return {"id": digest[:PSEUDONYM_CHARS], "role": decision.reviewer_role}


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
