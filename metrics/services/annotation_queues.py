"""Making and changing annotation queues, the rules that fill them, and what people and keys put into them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction

from agents.authentication import Caller
from agents.models import Membership, Project, Team, TeamMember, User
from agents.permissions import Permission
from agents.services import audit
from console.lib import live
from console.lib.sql import load
from metrics.annotating import LOW_SCORE, MOST_REVIEWERS, NAME_CHARS, RuleSpec, Target, checked
from metrics.models import AnnotationItem, AnnotationQueue, AnnotationRule, Score, ScoreConfig
from metrics.models.annotation import ItemState
from metrics.scoring import Refused
from metrics.times import to_ns

MOST_QUEUES = 100
MOST_RULES = 20
MOST_CONFIGS = 20


@dataclass(frozen=True, slots=True)
class QueueSpec:
    """What a queue is to be: `configs` are the scores to fill in, `reviewers` how many people score each item."""

    name: str
    configs: Sequence[ScoreConfig]
    reviewers: int = 1
    team: Team | None = None
    description: str = ""


@transaction.atomic
def create(*, project: Project, spec: QueueSpec, by: Caller, now: datetime) -> AnnotationQueue:
    """Makes an empty queue. Raises Refused."""
    # Whoever makes two at once must not get past the limit.
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if AnnotationQueue.objects.open().filter(project=project).count() >= MOST_QUEUES:
        raise Refused("name", f"there are {MOST_QUEUES} queues: archive one first")
    queue = AnnotationQueue(project=project, created_at=now)
    _write(queue, spec)
    _record(queue, by, "annotation_queue.created", _said(spec), now)
    return queue


@transaction.atomic
def change(*, queue: AnnotationQueue, spec: QueueSpec, by: Caller, now: datetime) -> AnnotationQueue:
    """Changes a queue. Items that enough people have scored by the new count are done. Raises Refused."""
    locked = AnnotationQueue.objects.select_for_update(of=("self",)).select_related("project").get(pk=queue.pk)
    _write(locked, spec)
    enough = locked.items.filter(state=ItemState.WAITING, done_count__gte=spec.reviewers)
    enough.update(state=ItemState.DONE, done_at=now, locked_by=None, locked_until=None)
    _record(locked, by, "annotation_queue.changed", _said(spec), now)
    return locked


@transaction.atomic
def archive(*, queue: AnnotationQueue, by: Caller, now: datetime) -> bool:
    """Closes a queue: nothing fills it any more. Scores stay. False when it was closed already."""
    closed = AnnotationQueue.objects.open().filter(pk=queue.pk).update(archived_at=now)
    if closed:
        _record(queue, by, "annotation_queue.archived", {"name": queue.name}, now)
    return bool(closed)


@transaction.atomic
def add_rule(*, queue: AnnotationQueue, spec: RuleSpec, by: Caller, now: datetime) -> AnnotationRule:
    """Fills the queue from now on with what the rule picks. Raises Refused."""
    spec = checked(spec)
    AnnotationQueue.objects.select_for_update(no_key=True).get(pk=queue.pk)
    if queue.rules.count() >= MOST_RULES:
        raise Refused("kind", f"there are {MOST_RULES} rules: remove one first")
    newest = Score.objects.filter(project_id=queue.project_id).order_by("-pk").values_list("pk", flat=True).first()
    rule = AnnotationRule.objects.create(
        queue=queue,
        kind=spec.kind,
        query=spec.query,
        score_name=spec.score_name,
        amount=spec.amount,
        seen_ns=to_ns(now),
        seen_score=(newest or 0) if spec.kind == LOW_SCORE else 0,
        created_at=now,
    )
    _record(queue, by, "annotation_rule.added", _rule_said(rule), now)
    return rule


@transaction.atomic
def remove_rule(*, rule: AnnotationRule, by: Caller, now: datetime) -> None:
    """Takes a rule away; what it put into the queue stays there."""
    _record(rule.queue, by, "annotation_rule.removed", _rule_said(rule), now)
    rule.delete()


@transaction.atomic
def add(*, queue: AnnotationQueue, targets: Sequence[Target], by: Caller, now: datetime) -> int:
    """Puts traces and spans into a queue and returns how many were not in it yet."""
    new = insert(queue=queue, targets=targets, rule=None, added_by=by.label, now=now)
    if new:
        traces = sorted({target.trace_id.hex() for target in targets})[:20]
        _record(queue, by, "annotation_item.added", {"new": new, "traces": traces}, now)
    return new


def insert(
    *, queue: AnnotationQueue, targets: Sequence[Target], rule: AnnotationRule | None, added_by: str, now: datetime
) -> int:
    """Items in the caller's transaction: one statement, and how many of them are new."""
    if not targets:
        return 0
    ordered = sorted(targets, key=lambda target: (target.trace_id, target.span_id or b""))
    parameters: dict[str, Any] = {
        "queue": queue.pk,
        "rule": rule.pk if rule else None,
        "added_by": added_by[:200],
        "now": now,
        "traces": [target.trace_id for target in ordered],
        "spans": [target.span_id or b"" for target in ordered],
        "reasons": [target.reason[:200] for target in ordered],
    }
    with connection.cursor() as cursor:
        cursor.execute(load("metrics", "add_annotation_items"), parameters)
        new = int(cursor.rowcount)
    if new:
        live.publish(live.project_group(queue.project_id, "metrics"), annotation=queue.pk)
    return new


@transaction.atomic
def assign(*, item: AnnotationItem, person: User | None, by: Caller, now: datetime) -> None:
    """Gives an item to one person, or with None back to all. Raises Refused for somebody who is not asked."""
    if person is not None and not asked(item.queue, person):
        raise Refused("person", f"{person.display_name} is not asked by this queue")
    AnnotationItem.objects.filter(pk=item.pk).update(assigned_to=person)
    detail = {"item": item.pk, "to": person.display_name if person else None}
    _record(item.queue, by, "annotation_item.assigned", detail, now)


def asked(queue: AnnotationQueue, person: User) -> bool:
    """Whether the queue asks this person: their role lets them score, and they are in its team when it has one."""
    members = Membership.objects.with_permission(Permission.SCORE_CREATE).filter(
        project_id=queue.project_id, user=person
    )
    if queue.team_id is None:
        return members.exists()
    return TeamMember.objects.filter(team_id=queue.team_id, membership__in=members).exists()


def _write(queue: AnnotationQueue, spec: QueueSpec) -> None:
    name = " ".join(spec.name.replace("\x00", "").split())
    if not name or len(name) > NAME_CHARS:
        raise Refused("name", f"is needed, of at most {NAME_CHARS} characters")
    if not 1 <= len(spec.configs) <= MOST_CONFIGS:
        raise Refused("configs", f"choose 1 to {MOST_CONFIGS} scores")
    if any(config.project_id != queue.project_id for config in spec.configs):
        raise Refused("configs", "must be of this project")
    if not 1 <= spec.reviewers <= MOST_REVIEWERS:
        raise Refused("reviewers", f"1 to {MOST_REVIEWERS}")
    if spec.team and spec.team.project_id != queue.project_id:
        raise Refused("team", "must be of this project")
    queue.name, queue.description = name, spec.description
    queue.reviewers, queue.team = spec.reviewers, spec.team
    try:
        with transaction.atomic():
            queue.save()
    except IntegrityError:
        raise Refused("name", "there is a queue of this name") from None
    queue.configs.set(spec.configs)


def _said(spec: QueueSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "configs": [config.name for config in spec.configs],
        "reviewers": spec.reviewers,
        "team": spec.team.slug if spec.team else None,
        "description": spec.description,
    }


def _rule_said(rule: AnnotationRule) -> dict[str, Any]:
    return {"kind": rule.kind, "query": rule.query, "score_name": rule.score_name, "amount": rule.amount}


def _record(queue: AnnotationQueue, by: Caller, action: str, detail: dict[str, Any], now: datetime) -> None:
    audit.record(
        project=queue.project, by=by, action=action, target=f"annotation queue {queue.pk}", detail=detail, now=now
    )
