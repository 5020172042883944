"""Requests for approval as evaluations and comparisons read them: who asked, whether with a reason, and what came of
it. Always bounded: the newest of an agent, or those of given traces."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce

from agents.models import Project
from metrics.statistics import Share
from reviews import states
from reviews.models import Approval, ApprovalItem

REASON_KEYS = ("reason", "reasoning", "rationale", "explanation", "justification")
"""Keys of a request's context that hold the agent's reason, beside its summary and description."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. `approved` and `went_well` are None while nobody decided or nothing is known of the outcome.

    `explained` of its `actions` came with a reason: all of them when the request says why, else the items that do.
    """

    version: str
    trace_id: bytes
    approved: bool | None
    went_well: bool | None
    actions: int
    explained: int


def asked_by(
    project: Project, *, agent: str, since: datetime, until: datetime, most: int, version: str | None = None
) -> list[Asked]:
    """The newest requests of an agent, or of one version of it, that were made in a time. One query; of a version it
    looks through at most ten times as many requests of the agent."""
    rows = Approval.objects.filter(project=project, agent=agent, requested_at__gte=since, requested_at__lt=until)
    latest = rows.order_by("-requested_at", "-id")
    if version is None:
        return _read(Approval.objects.filter(pk__in=latest.values("pk")[:most]))
    of_agent = Approval.objects.filter(pk__in=latest.values("pk")[: 10 * most], agent_version=version)
    return _read(of_agent.order_by("-requested_at", "-id"), most)


def asked_in(project: Project, trace_ids: Collection[bytes], *, most: int) -> list[Asked]:
    """The newest requests that were made in some traces. One query."""
    texts = [trace_id.hex() for trace_id in trace_ids]
    rows = Approval.objects.filter(project=project, trace_id__in=texts).exclude(trace_id="")
    return _read(rows.order_by("-requested_at", "-id"), most)


def _read(rows: QuerySet[Approval], most: int | None = None) -> list[Asked]:
    said = ~Q(summary="") | ~Q(description="")
    for key in REASON_KEYS:
        rows = rows.annotate(
            **{f"_{key}": Coalesce(KeyTextTransform(key, "context"), Value("", output_field=TextField()))}
        )
        said |= ~Q(**{f"_{key}": ""})
    items = ApprovalItem.objects.filter(approval=OuterRef("pk")).order_by().values("approval")
    found = rows.annotate(
        said=said,
        outcome_status=KeyTextTransform("status", "outcome"),
        actions=Coalesce(Subquery(items.annotate(n=Count("pk")).values("n"), output_field=IntegerField()), 0),
        told=Coalesce(
            Subquery(items.annotate(n=Count("pk", filter=~Q(description=""))).values("n"), output_field=IntegerField()),
            0,
        ),
    ).values_list("agent_version", "trace_id", "status", "outcome_status", "said", "actions", "told")
    return [
        Asked(
            version=version,
            trace_id=bytes.fromhex(trace_id),
            approved=status == states.Status.APPROVED if status in states.DECIDED else None,
            went_well=outcome == "succeeded" if outcome else None,
            actions=actions,
            explained=actions if said else told,
        )
        for version, trace_id, status, outcome, said, actions, told in found[:most]
    ]


def approvals(rows: Sequence[Asked]) -> Share:
    """How many of the decided requests were approved, as they were or edited."""
    decided = [one.approved for one in rows if one.approved is not None]
    return Share(sum(decided), len(decided))


def outcomes(rows: Sequence[Asked]) -> Share:
    """How many of the actions of which the outcome is known succeeded."""
    known = [one.went_well for one in rows if one.went_well is not None]
    return Share(sum(known), len(known))
