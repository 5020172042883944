"""What agents do with requests: make them, take them back, add to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from agents.authentication import Caller
from agents.models import Notification, Project
from agents.rosters import Roster, recent_roster_of
from agents.services.notify import lines_of
from console.lib.rows import insert
from metrics.checks.engine import Checked
from metrics.services import checks
from reviews import checking, states
from reviews.models import (
    Approval,
    ApprovalEvent,
    ApprovalItem,
    FeedbackExample,
    PolicyVersion,
)
from reviews.policy.engine import Assessment, for_people
from reviews.policy.facts import Subject
from reviews.policy.plan import dump_plan
from reviews.policy.schema import Effect, Policy
from reviews.policy.timing import NotAllowed, Terms, agree
from reviews.services import automatic, feedback, flow, policies, routing, settling
from reviews.services.deciders import barred, made_by, standings_of
from reviews.services.judging import judge
from reviews.services.transitions import (
    AlreadyDecided,
    Line,
    add_event,
    announce,
    announce_new,
    close,
    rows_of,
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
    found = create_requests(asked=[Asked(project=project, by=by, draft=draft)], now=now)[0]
    if isinstance(found, NotAllowed):
        raise found
    return found


def create_requests(*, asked: Sequence[Asked], now: datetime) -> list[Approval | NotAllowed]:
    """As `create_request`, for many at once, in a number of queries that does not depend on how many there are.

    The requests come back in order, with their parts at hand; in the place of one that wants more than the policy
    allows comes the refusal. Of the others all are made, or none.
    """
    projects = {one.project.pk: one.project for one in asked}
    versions = {key: policies.known_in_force(project=project) for key, project in projects.items()}
    rosters = {key: recent_roster_of(key, now=now) for key in projects}
    answers: list[Approval | NotAllowed] = []
    made: list[_Made] = []
    for one in asked:
        version, roster = versions[one.project.pk], rosters[one.project.pk]
        try:
            made.append(_made(one, version, roster, now))
        except NotAllowed as refusal:
            answers.append(refusal)
        else:
            answers.append(made[-1].approval)
    if not made:
        return answers
    with transaction.atomic(savepoint=False):  # What is refused is refused before it, and spoils no transaction.
        bells: list[Notification] = []
        for project in projects.values():
            mine = [one.approval for one in made if one.approval.project_id == project.pk and one.approval.is_waiting]
            told = routing.news_of(
                project=project, rows=mine, roster=rosters[project.pk], kind="approval.requested", without=barred(mine)
            )
            bells += lines_of(project=project, news=told, now=now)
            announce_new(project=project, status=states.Status.PENDING, now=now)
        _write(made, bells, now)
    return answers


@dataclass(frozen=True)
class _Made:
    """A request that was judged and is not stored yet."""

    approval: Approval
    items: list[ApprovalItem]
    by: Caller
    assessment: Assessment


def _made(asked: Asked, version: PolicyVersion, roster: Roster, now: datetime) -> _Made:
    found = _checked(asked.project, asked.draft)
    assessment = _judged(asked.project, asked.draft, found, version, now)
    row = _row(asked, version, assessment, roster, now)
    row.flags, row.unchecked_chars = [flag.document for flag in found.flags], found.unread
    approval = automatic.settle(row, assessment, now)
    return _Made(approval, _items(approval, asked.draft), asked.by, assessment)


def _write(made: Sequence[_Made], bells: Sequence[Notification], now: datetime) -> None:
    """Writes requests in one statement, then what rules have decided of them."""
    approvals = [one.approval for one in made]
    lines = [Line(one.approval, one.by, _told(one.approval)) for one in made]
    told = rows_of(kind=ApprovalEvent.Kind.REQUESTED, lines=lines, now=now)
    items = [item for one in made for item in one.items]
    insert(approvals, items, flow.arrivals(approvals), bells, *told)
    ruled = [one for one in made if one.approval.decided_by_label or one.assessment.rejected]
    _number([item for one in ruled for item in one.items])
    judged_alone = [(one.approval, one.items, one.assessment) for one in ruled]
    decided = automatic.record(judged_alone, now=now) | automatic.reject_items(judged_alone, now=now)
    for one, event in zip(made, told.events, strict=True):
        by_rule = decided.get(one.approval.pk)
        if by_rule:
            ruling = {"decisions": by_rule.decisions, "receipts": by_rule.receipts}
            hold(one.approval, items=one.items, events=[event, *by_rule.events], **ruling)
        else:
            hold(one.approval, items=one.items, decisions=(), events=[event], receipts=())


def _number(items: Sequence[ApprovalItem]) -> None:
    """Gives items that were just stored the numbers that the database gave them: decisions point at these."""
    if items:
        stored = ApprovalItem.objects.filter(approval__in={item.approval_id for item in items})
        numbers = {(key, index): number for number, key, index in stored.values_list("pk", "approval", "index")}
        for item in items:
            item.pk = numbers[item.approval_id, item.index]


class NotTheirs(PermissionError):
    """Only whoever made a request takes it back."""


@transaction.atomic
def cancel_request(*, approval: Approval, by: Caller, reason: str = "", now: datetime) -> AlreadyDecided | None:
    """Takes a waiting request back; None when that worked.

    A decision of which the agent has not been told yet does not stand in the way. Raises NotTheirs for people who did
    not make it: they reject it, and say why. Any key of the project is the agent's.
    """
    if by.user is not None and not made_by(approval, by.user):
        raise NotTheirs(_("You did not make this request. To refuse it, reject it and say why."))
    settling.settle_all(keys=[approval.pk], now=now)
    lost = close(approval=approval, verb=states.Verb.CANCEL, now=now)
    if lost is not None:
        return lost
    add_event(approval=approval, kind=ApprovalEvent.Kind.CANCELLED, by=by, now=now, detail={"reason": reason})
    ended = [(approval, standings_of(approval))]
    feedback.add_ended(ended=ended, verdict=FeedbackExample.Verdict.CANCELLED, now=now)
    announce(project=approval.project, approval_ids=[approval.pk], status=approval.status, now=now)
    return None


def hold(approval: Approval, **parts: Sequence[Model]) -> None:
    """Makes a request that has just been written look as if it had been read `with_parts`, without reading it."""
    held = vars(approval).setdefault("_prefetched_objects_cache", {})  # where prefetch_related keeps them
    for name, rows in parts.items():
        held[name] = getattr(approval, name).all()
        held[name]._result_cache = list(rows)


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


def _checked(project: Project, draft: RequestDraft) -> Checked:
    return checking.checked(
        checks.checker(project.pk),
        items=draft.items,
        summary=draft.summary,
        description=draft.description,
        context=draft.context,
    )


def subjects_of(project: Project, draft: RequestDraft) -> list[Subject]:
    """The actions of a request that is only tried, each as conditions know it, with what checks find in its text."""
    return _subjects_of(draft, _checked(project, draft))


def _subjects_of(draft: RequestDraft, found: Checked) -> list[Subject]:
    flags = [flag.document for flag in found.flags]
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
            flags=checking.of_item(flags, index),
            unchecked=bool(found.unread),
        )
        for index, item in enumerate(draft.items)
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
    assessment = _judged(project, draft, _checked(project, draft), version, now)
    return Foreseen(version=version, assessment=assessment, terms=_terms(assessment, draft))


def _judged(project: Project, draft: RequestDraft, found: Checked, version: PolicyVersion, now: datetime) -> Assessment:
    policy = policies.policy_of(version)
    subjects = _subjects_of(draft, found)
    return judged(project=project, policy=policy, subjects=subjects, items=draft.items, now=now)


def judged(
    *,
    project: Project,
    policy: Policy,
    subjects: Sequence[Subject],
    items: Sequence[ItemDraft] | Sequence[ApprovalItem],
    now: datetime,
) -> Assessment:
    """What a policy makes of a request, which may allow less than the policy would do. Creates nothing."""
    found = judge(project=project, policy=policy, subjects=subjects, now=now)
    if found.effect is Effect.AUTO_APPROVE and not _allow(items, states.Verdict.APPROVE):
        return for_people(found, "the request does not allow it to be approved")
    return found


def _allow(items: Iterable[ItemDraft | ApprovalItem], *verdicts: states.Verdict) -> bool:
    """Whether people may say each of these on every action of a request."""
    return all(verdict in item.allowed_decisions for item in items for verdict in verdicts)


def _terms(assessment: Assessment, draft: RequestDraft) -> Terms:
    default = timedelta(seconds=settings.APPROVAL_TIMEOUT_SECONDS)
    votable = _allow(draft.items, states.Verdict.APPROVE, states.Verdict.REJECT)
    return agree(assessment.plan, timeout=draft.timeout, on_timeout=draft.on_timeout, default=default, votable=votable)


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
    )
    return approval
