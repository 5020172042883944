"""What agents do with requests: make them, take them back, add to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Model

from agents.authentication import Caller
from agents.models import Project, User
from agents.rosters import Roster, roster_of
from reviews import states
from reviews.models import Approval, ApprovalEvent, ApprovalItem, FeedbackExample, PolicyVersion
from reviews.policy.engine import Assessment, for_people
from reviews.policy.facts import Subject
from reviews.policy.plan import dump_plan
from reviews.policy.timing import Terms, agree
from reviews.services import automatic, feedback, flow, policies, routing, settling
from reviews.services.judging import judge
from reviews.services.transitions import (
    AlreadyDecided,
    Line,
    add_event,
    add_events,
    announce,
    announce_new,
    close,
)

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
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RequestDraft:
    """A request as sent, validated. Texts that were not sent are empty, and so is what the policy is to decide."""

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
    timeout: timedelta | None = None
    on_timeout: str = ""
    callback_url: str = ""


SETTLED = {"items", "tags", "team", "timeout", "on_timeout"}
COPIED = [field.name for field in fields(RequestDraft) if field.name not in SETTLED]
"""What a request's row takes over from the draft as it is."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request and who makes it, in which project."""

    project: Project
    by: Caller
    draft: RequestDraft


def create_request(*, project: Project, by: Caller, draft: RequestDraft, now: datetime) -> Approval:
    """Judges a request by the policy in force and puts it before those whom it names.

    Raises NotAllowed when the request wants more at its deadline than the policy allows.
    """
    return create_requests(asked=[Asked(project=project, by=by, draft=draft)], now=now)[0]


def create_requests(*, asked: Sequence[Asked], now: datetime) -> list[Approval]:
    """As `create_request`, for many at once: all of them or none, in a number of queries that does not depend on it.

    The requests come back in order, with their parts at hand.
    """
    projects = {one.project.pk: one.project for one in asked}
    versions = {key: policies.in_force(project=project) for key, project in projects.items()}
    assessments = [_judged(one.project, one.draft, versions[one.project.pk], now) for one in asked]
    rosters = {key: _roster(key, asked, assessments, now) for key in projects}
    approvals = [
        automatic.settle(_row(one, versions[one.project.pk], assessment, rosters[one.project.pk], now), assessment, now)
        for one, assessment in zip(asked, assessments, strict=True)
    ]
    with transaction.atomic(savepoint=False):  # What is refused is refused before it, and spoils no transaction.
        _write(asked, approvals, assessments, now)
        for project in projects.values():
            mine = [approval for approval in approvals if approval.project_id == project.pk and approval.is_waiting]
            roster = rosters[project.pk]
            routing.tell_asked(project=project, rows=mine, roster=roster, kind="approval.requested", now=now)
            announce_new(project=project, status=states.Status.PENDING, now=now)
    return approvals


def _write(
    asked: Sequence[Asked], approvals: Sequence[Approval], assessments: Sequence[Assessment], now: datetime
) -> None:
    """Writes requests that were judged, and what rules have decided of them."""
    Approval.objects.bulk_create(approvals)
    parts = [_items(approval, one.draft) for approval, one in zip(approvals, asked, strict=True)]
    ApprovalItem.objects.bulk_create(item for items in parts for item in items)
    flow.arrived(approvals)
    lines = [Line(approval, one.by, _told(approval)) for approval, one in zip(approvals, asked, strict=True)]
    events = add_events(kind=ApprovalEvent.Kind.REQUESTED, lines=lines, now=now)
    decided = automatic.record(list(zip(approvals, parts, assessments, strict=True)), now=now)
    for approval, items, event in zip(approvals, parts, events, strict=True):
        ruled = decided.get(approval.pk)
        more = (ruled.decisions, [event, ruled.event]) if ruled else ((), [event])
        hold(approval, items=items, decisions=more[0], events=more[1])


@transaction.atomic
def cancel_request(*, approval: Approval, by: Caller, reason: str = "", now: datetime) -> AlreadyDecided | None:
    """Takes a waiting request back; None when that worked.

    A decision of which the agent has not been told yet does not stand in the way.
    """
    settling.settle_all(keys=[approval.pk], now=now)
    lost = close(approval=approval, verb=states.Verb.CANCEL, now=now)
    if lost is not None:
        return lost
    add_event(approval=approval, kind=ApprovalEvent.Kind.CANCELLED, by=by, now=now, detail={"reason": reason})
    feedback.add_undecided(approval=approval, verdict=FeedbackExample.Verdict.CANCELLED, now=now)
    announce(project=approval.project, approval_ids=[approval.pk], status=approval.status, now=now)
    return None


def made_by(approval: Approval, user: User) -> bool:
    """Whether a person made the request themselves. A key's requests are the agent's, whoever owns the key."""
    return approval.requested_by_user_id == user.pk


def hold(approval: Approval, **parts: Sequence[Model]) -> None:
    """Makes a request that has just been written look as if it had been read `with_parts`, without reading it."""
    held = {}
    for name, rows in parts.items():
        held[name] = getattr(approval, name).all()
        held[name]._result_cache = list(rows)
    approval._prefetched_objects_cache = held  # type: ignore[attr-defined]  # where prefetch_related keeps them


def _told(approval: Approval) -> dict[str, Any]:
    return {"action": approval.action, "risk": approval.risk_level, "rule": approval.rule}


def _items(approval: Approval, draft: RequestDraft) -> list[ApprovalItem]:
    return [
        ApprovalItem(
            approval=approval,
            index=index,
            action=item.action,
            description=item.description,
            arguments=item.arguments,
            arguments_schema=item.arguments_schema,
            allowed_decisions=list(item.allowed_decisions),
            metadata=item.metadata,
        )
        for index, item in enumerate(draft.items)
    ]


def subjects_of(draft: RequestDraft) -> list[Subject]:
    """The actions of a request, each as conditions know it."""
    return [
        Subject(
            action=item.action,
            arguments=item.arguments,
            context=draft.context,
            confidence=draft.confidence,
            agent=draft.agent,
            agent_version=draft.agent_version,
            session_id=draft.session_id,
            trace_id=draft.trace_id,
            end_user=draft.end_user,
        )
        for item in draft.items
    ]


@dataclass(frozen=True, kw_only=True)
class Foreseen:
    """What would happen to a request, by which version of the policy, and what it would agree on for its deadline."""

    version: PolicyVersion
    assessment: Assessment
    terms: Terms


def foresee(*, project: Project, draft: RequestDraft, now: datetime) -> Foreseen:
    """What `create_request` would do, without doing it. Raises NotAllowed as it does."""
    version = policies.in_force(project=project)
    assessment = _judged(project, draft, version, now)
    return Foreseen(version=version, assessment=assessment, terms=_terms(assessment, draft))


def _judged(project: Project, draft: RequestDraft, version: PolicyVersion, now: datetime) -> Assessment:
    policy = policies.policy_of(version)
    found = judge(project=project, policy=policy, subjects=subjects_of(draft), now=now)
    verdict = automatic.VERDICTS.get(found.effect)
    if verdict is not None and any(verdict not in item.allowed_decisions for item in draft.items):
        return for_people(found, f"the agent cannot take the verdict {verdict}")
    return found


def _roster(project_id: int, asked: Sequence[Asked], assessments: Sequence[Assessment], now: datetime) -> Roster:
    """Who can be asked in a project; its teams are read when one of the requests is for a team."""
    named = any(
        one.draft.team or assessment.plan.team
        for one, assessment in zip(asked, assessments, strict=True)
        if one.project.pk == project_id
    )
    return roster_of(project_id, now=now, with_teams=named)


def _terms(assessment: Assessment, draft: RequestDraft) -> Terms:
    default = timedelta(seconds=settings.APPROVAL_TIMEOUT_SECONDS)
    return agree(assessment.plan, timeout=draft.timeout, on_timeout=draft.on_timeout, default=default)


def _row(asked: Asked, version: PolicyVersion, assessment: Assessment, roster: Roster, now: datetime) -> Approval:
    by, draft = asked.by, asked.draft
    team = assessment.plan.team or draft.team
    approval = Approval(
        **{name: getattr(draft, name) for name in COPIED},
        project=asked.project,
        action=draft.items[0].action,
        tags=list(draft.tags),
        team=team,
        requested_by_key=by.key,
        requested_by_user=by.user,
        requested_by_label=by.label[:200],
        policy_version=version,
        rule=assessment.rule,
        rule_trace=list(assessment.trace),
        plan=dump_plan(assessment.plan),
        risk_level=assessment.level,
        risk_score=float(assessment.risk.score),
        risk=assessment.risk.document,
        requested_at=now,
        undo_seconds=asked.project.undo_seconds,
    )
    routing.place(
        approval=approval,
        terms=_terms(assessment, draft),
        team=roster.team(team) if team else None,
        verdicts=[item.allowed_decisions for item in draft.items],
    )
    return approval
