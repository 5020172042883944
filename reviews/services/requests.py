"""What agents do with requests: make them, take them back, add to them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.urls import reverse

from agents.authentication import Caller
from agents.models import Project, User
from agents.permissions import Permission
from agents.selectors import members_with
from agents.services.notify import notify
from reviews import states
from reviews.models import Approval, ApprovalEvent, ApprovalItem, FeedbackExample
from reviews.models.approval import due_minute
from reviews.policy.engine import evaluate
from reviews.policy.schema import load
from reviews.services import feedback, policies
from reviews.services.transitions import AlreadyDecided, add_event, announce, as_already_decided, close

TIMEOUT_MIN = timedelta(seconds=1)
TIMEOUT_MAX = timedelta(days=30)
ALL_DECISIONS = tuple(verdict.value for verdict in states.Verdict)


@dataclass(frozen=True, kw_only=True)
class ItemDraft:
    """One action that an agent asks leave for."""

    action: str
    arguments: dict[str, Any] = field(default_factory=dict)
    description: str = ""
    arguments_schema: dict[str, Any] | None = None
    allowed_decisions: tuple[str, ...] = ALL_DECISIONS


@dataclass(frozen=True, kw_only=True)
class RequestDraft:
    """A request as sent, validated. Texts that were not sent are empty."""

    items: tuple[ItemDraft, ...]
    summary: str = ""
    description: str = ""
    context: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    priority: str = "normal"
    team: str = ""
    confidence: float | None = None
    suggestion: str = ""
    agent: str = ""
    agent_version: str = ""
    session_id: str = ""
    end_user: str = ""
    trace_id: str = ""
    span_id: str = ""
    timeout: timedelta
    on_timeout: str = "reject"
    callback_url: str = ""


COPIED = [field.name for field in fields(RequestDraft) if field.name not in {"items", "tags", "timeout"}]
"""What a request's row takes over from the draft as it is."""


@transaction.atomic
def create_request(*, project: Project, by: Caller, draft: RequestDraft, now: datetime) -> Approval:
    """Judges a request by the policy in force and puts it before the project's reviewers."""
    approval = _row(project, by, draft, now)
    approval.save(force_insert=True)
    ApprovalItem.objects.bulk_create(
        ApprovalItem(
            approval=approval,
            index=index,
            action=item.action,
            description=item.description,
            arguments=item.arguments,
            arguments_schema=item.arguments_schema,
            allowed_decisions=list(item.allowed_decisions),
        )
        for index, item in enumerate(draft.items)
    )
    detail = {"action": approval.action, "risk": approval.risk_level, "rule": approval.rule}
    add_event(approval=approval, kind=ApprovalEvent.Kind.REQUESTED, by=by, now=now, detail=detail)
    notify(
        users=[user for user in members_with(project.pk, Permission.APPROVAL_DECIDE) if not made_by(approval, user)],
        project=project,
        kind="approval.requested",
        title=f"Approval wanted: {approval.action}",
        body=approval.summary or approval.risk["explanation"],
        url=reverse("reviews:approval", args=[project.slug, approval.pk]),
        now=now,
    )
    announce(project=project, approval_ids=[approval.pk], status=approval.status, now=now, wake=False)
    return approval


@transaction.atomic
def cancel_request(*, approval: Approval, by: Caller, reason: str = "", now: datetime) -> AlreadyDecided | None:
    """Takes a waiting request back; None when that worked."""
    lost = close(approval=approval, verb=states.Verb.CANCEL, now=now)
    if lost is not None:
        return lost
    add_event(approval=approval, kind=ApprovalEvent.Kind.CANCELLED, by=by, now=now, detail={"reason": reason})
    for item in approval.items.all():
        feedback.add_example(
            approval=approval, item=item, verdict=FeedbackExample.Verdict.CANCELLED, decision=None, now=now
        )
    announce(project=approval.project, approval_ids=[approval.pk], status=approval.status, now=now)
    return None


@transaction.atomic
def post_message(*, approval: Approval, by: Caller, text: str, now: datetime) -> AlreadyDecided | None:
    """Adds to the conversation about a waiting request; None when that worked."""
    row = Approval.objects.select_for_update().get(pk=approval.pk)
    if not row.is_waiting or row.expires_at <= now:
        return as_already_decided(row)
    add_event(approval=row, kind=ApprovalEvent.Kind.MESSAGE, by=by, now=now, detail={"text": text})
    announce(project=approval.project, approval_ids=[approval.pk], status=row.status, now=now, wake=False)
    return None


def made_by(approval: Approval, user: User) -> bool:
    """Whether a person made the request themselves. A key's requests are the agent's, whoever owns the key."""
    return approval.requested_by_user_id == user.pk


def _row(project: Project, by: Caller, draft: RequestDraft, now: datetime) -> Approval:
    version = policies.in_force(project=project)
    first = draft.items[0]
    assessment = evaluate(load(version.document), arguments=first.arguments, context=draft.context)
    expires_at = now + draft.timeout
    return Approval(
        **{name: getattr(draft, name) for name in COPIED},
        project=project,
        action=first.action,
        tags=list(draft.tags),
        requested_by_key=by.key,
        requested_by_user=by.user,
        requested_by_label=by.label[:200],
        policy_version=version,
        rule=assessment.rule.name,
        risk_level=assessment.risk.level,
        risk_score=float(assessment.risk.score),
        risk={
            "factors": [
                {"name": factor.name, "weight": float(factor.weight), "detail": factor.detail}
                for factor in assessment.risk.factors
            ],
            "explanation": assessment.risk.explanation,
        },
        requested_at=now,
        timeout_seconds=int(draft.timeout.total_seconds()),
        expires_at=expires_at,
        due_minute=due_minute(expires_at),
    )
