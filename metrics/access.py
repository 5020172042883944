"""The only way traces, spans, log records and scores reach a view: returned, or 404, also when another project's."""

import binascii
from typing import TypeVar

from django.db.models import QuerySet
from django.http import Http404

from agents.access import check
from agents.authentication import CHALLENGE, Caller
from agents.models import Project, User
from agents.permissions import Permission, Scope
from console.lib.http import Problem
from metrics.ingest.langfuse import PREFIX
from metrics.models import (
    AnnotationItem,
    AnnotationQueue,
    AnnotationRule,
    Budget,
    Log,
    Metric,
    SavedView,
    Score,
    ScoreConfig,
    Session,
    Span,
    Trace,
)
from metrics.selectors import catalogue, logs, sessions, spans, traces
from metrics.times import MAX_NS

TRACE_ID_BYTES = 16
SPAN_ID_BYTES = 8
LOG_ID_BYTES = 16
Row = TypeVar("Row", Score, ScoreConfig, AnnotationQueue, Budget)


def trace(project: Project, trace_id: str) -> Trace:
    """The trace of `project` with this id in hex. Raises Http404."""
    found = trace_or_none(project, trace_id)
    if found is None:
        raise Http404
    return found


def trace_or_none(project: Project, trace_id: str) -> Trace | None:
    """Like `trace`, for places where a trace may still be on its way. Raises Http404 for what is no trace id."""
    return traces.find(project.pk, raw_id(trace_id, TRACE_ID_BYTES))


def span(of: Trace, span_id: str) -> Span:
    """A span of a trace, whole, by its id in hex. Raises Http404."""
    found = spans.one(of, raw_id(span_id, SPAN_ID_BYTES))
    if found is None:
        raise Http404
    return found


def own_score(of: Trace, score_id: int, person: User) -> Score:
    """A score of a trace that a person gave. Raises Http404, also for a score of somebody else."""
    found = Score.objects.filter(
        pk=score_id, project_id=of.project_id, trace_id=bytes(of.trace_id), author_user=person
    ).first()
    if found is None:
        raise Http404
    return found


def api_score(caller: Caller | None, score_id: int, *, scope: Scope | None, permission: Permission | None) -> Score:
    """A score by its id. Raises Problem 401, 403 or 404: the same 404 for an unknown id and another project's."""
    return _of_api(Score.objects.filter(pk=score_id), caller, "score", scope=scope, permission=permission)


def langfuse_score(project: Project, score_id: str) -> Score:
    """A score of `project` by the id that Langfuse's SDK gave it, else by its own number. Raises Http404."""
    cleaned = score_id.replace("\x00", "")
    of_project = Score.objects.select_related("project").filter(project=project)
    found = of_project.filter(external_id=f"{PREFIX}{cleaned}").first()
    if found is None and cleaned.isascii() and cleaned.isdigit() and len(cleaned) < 19:
        found = of_project.filter(pk=int(cleaned)).first()
    if found is None:
        raise Http404
    return found


def api_score_config(
    caller: Caller | None, config_id: int, *, scope: Scope | None, permission: Permission | None
) -> ScoreConfig:
    """A score config by its id, also an archived one. Raises as `api_score`."""
    return _of_api(ScoreConfig.objects.filter(pk=config_id), caller, "score config", scope=scope, permission=permission)


def api_annotation_queue(
    caller: Caller | None, queue_id: int, *, scope: Scope | None, permission: Permission | None
) -> AnnotationQueue:
    """An annotation queue by its id. Raises as `api_score`."""
    queues = AnnotationQueue.objects.open().filter(pk=queue_id)
    return _of_api(queues, caller, "annotation queue", scope=scope, permission=permission)


def _of_api(
    rows: QuerySet[Row], caller: Caller | None, noun: str, *, scope: Scope | None, permission: Permission | None
) -> Row:
    """The one row of some, when its project is open to the caller."""
    if caller is None:
        raise Problem(401, "Authentication is required: send an API key or a personal token.", headers=CHALLENGE)
    missing = Problem(404, f"There is no such {noun}, or it is not yours to see.")
    found = rows.select_related("project").filter(project__archived_at__isnull=True).first()
    if found is None:
        raise missing
    try:
        check(caller, found.project, scope=scope, permission=permission)
    except Problem as problem:
        raise (missing if problem.status == 404 else problem) from None
    return found


def score_config(project: Project, config_id: int) -> ScoreConfig:
    """A score config of `project`, also an archived one. Raises Http404."""
    found = ScoreConfig.objects.select_related("project").filter(pk=config_id, project=project).first()
    if found is None:
        raise Http404
    return found


def annotation_queue(project: Project, queue_id: int) -> AnnotationQueue:
    """An open annotation queue of `project`. Raises Http404."""
    found = (
        AnnotationQueue.objects.open().select_related("project", "team").filter(pk=queue_id, project=project).first()
    )
    if found is None:
        raise Http404
    return found


def annotation_item(queue: AnnotationQueue, item_id: int) -> AnnotationItem:
    """An item of a queue. Raises Http404."""
    found = AnnotationItem.objects.select_related("assigned_to", "locked_by").filter(pk=item_id, queue=queue).first()
    if found is None:
        raise Http404
    found.queue = queue
    return found


def annotation_rule(queue: AnnotationQueue, rule_id: int) -> AnnotationRule:
    """A rule of a queue. Raises Http404."""
    found = AnnotationRule.objects.filter(pk=rule_id, queue=queue).first()
    if found is None:
        raise Http404
    found.queue = queue
    return found


def log(project: Project, time_ns: int, log_id: str) -> Log:
    """A log record of `project` by its time and its id in hex. Raises Http404."""
    found = logs.one(project.pk, time_ns, raw_id(log_id, LOG_ID_BYTES)) if time_ns <= MAX_NS else None
    if found is None:
        raise Http404
    return found


def metric(project: Project, name: str, kind: str = "") -> Metric:
    """A metric of `project` by name, and by kind when there are several. Raises Http404."""
    found = catalogue.find(project.pk, name, kind)
    if found is None:
        raise Http404
    return found


def budget(project: Project, budget_id: int) -> Budget:
    """A budget in force of `project`. Raises Http404."""
    found = Budget.objects.in_force().select_related("project").filter(pk=budget_id, project=project).first()
    if found is None:
        raise Http404
    return found


def api_budget(caller: Caller | None, budget_id: int, *, scope: Scope | None, permission: Permission | None) -> Budget:
    """A budget by its id, archived or not. Raises as `api_score`."""
    return _of_api(Budget.objects.filter(pk=budget_id), caller, "budget", scope=scope, permission=permission)


def own_view(project: Project, view_id: int, person: User) -> SavedView:
    """A saved view of a person. Raises Http404, also for a view that somebody else shares."""
    found = SavedView.objects.select_related("project").filter(pk=view_id, project=project, owner=person).first()
    if found is None:
        raise Http404
    return found


def session(project: Project, session_id: str) -> Session:
    """A session of `project` by its id. Raises Http404, also in the seconds before its summary is made."""
    found = sessions.find(project.pk, session_id)
    if found is None:
        raise Http404
    return found


def raw_id(text: str, length: int) -> bytes:
    """The bytes of an id in hex. Raises Http404 when it is none of `length` bytes."""
    try:
        raw = binascii.unhexlify(text)
    except (binascii.Error, ValueError):
        raise Http404 from None
    if len(raw) != length:
        raise Http404
    return raw
