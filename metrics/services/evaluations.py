"""Evaluations: what a project asks of its agents, and writing down how they did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction

from agents.authentication import Caller
from agents.models import Project, User
from agents.services import audit
from metrics.evaluation import Dimension, Evaluation, Standard, Wrong
from metrics.models import Evaluation as EvaluationRow
from metrics.models import EvaluationStandard
from metrics.ranges import LONGEST_RANGE

MOST_SCORE_NAMES = 20
NAME_CHARS = 120
BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Written:
    """One version's evaluation and on how many requests it stands."""

    version: str
    requests: int
    evaluation: Evaluation


@transaction.atomic
def set_standard(
    *,
    project: Project,
    standard: Standard,
    score_names: Sequence[str],
    attribute: str,
    by: Caller | User,
    now: datetime,
) -> EvaluationStandard:
    """Changes what a project asks of its agents. Raises metrics.evaluation.Wrong naming what cannot be used."""
    standard.check()
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)  # there may be no row to lock
    row = EvaluationStandard.objects.filter(pk=project.pk).first() or EvaluationStandard(project=project)
    changes: dict[str, Any] = {
        "targets": {str(name): value for name, value in standard.targets.items()},
        "weights": {str(name): value for name, value in standard.weights.items()},
        "score_names": _names(score_names),
        "attribute": _attribute(attribute),
    }
    detail = audit.differences(row, changes)
    if not detail:
        return row
    for name, value in changes.items():
        setattr(row, name, value)
    row.changed_at, row.changed_by = now, by if isinstance(by, User) else by.user
    row.save()
    audit.record(
        project=project, by=by, action="evaluation.change", target=f"project {project.slug}", detail=detail, now=now
    )
    return row


def _names(given: Sequence[str]) -> list[str]:
    names = list(dict.fromkeys(name.strip() for name in given if name.strip()))
    if len(names) > MOST_SCORE_NAMES or any(len(name) > NAME_CHARS or "\x00" in name for name in names):
        raise Wrong("score_names", f"At most {MOST_SCORE_NAMES} names of {NAME_CHARS} characters.")
    return names


def _attribute(given: str) -> str:
    if len(given) > NAME_CHARS or "\x00" in given:
        raise Wrong("attribute", f"At most {NAME_CHARS} characters.")
    return given.strip()


@transaction.atomic
def write_down(
    *, project: Project, agent: str, day: date, found: Sequence[Written], by: Caller | User | None, now: datetime
) -> None:
    """Keeps an agent's evaluations of a day (UTC); written again, the later ones stand. `by` None: the clock did."""
    rows = [
        EvaluationRow(
            project=project,
            agent=agent,
            agent_version=one.version,
            day=day,
            overall=one.evaluation.overall,
            covered=one.evaluation.covered,
            requests=one.requests,
            dimensions=_document(one.evaluation),
            written_at=now,
        )
        for one in sorted(found, key=lambda one: one.version)
    ]
    EvaluationRow.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["project", "agent", "day", "agent_version"],
        update_fields=["overall", "covered", "requests", "dimensions", "written_at"],
    )
    if by is not None and rows:
        detail = {"day": day.isoformat(), "versions": [row.agent_version for row in rows]}
        audit.record(project=project, by=by, action="evaluation.write", target=f"agent {agent}", detail=detail, now=now)


def _document(of: Evaluation) -> Mapping[Dimension, dict[str, Any] | None]:
    return {
        one.dimension: {
            "value": one.at.value,
            "low": one.at.low,
            "high": one.at.high,
            "count": one.count,
            "target": one.target,
            "goodness": one.goodness,
        }
        if one.known
        else None
        for one in of.findings
    }


def forget(*, now: datetime, limit: int = BATCH) -> int:
    """Deletes up to `limit` evaluations that are older than anything that can be looked at; returns how many."""
    old = EvaluationRow.objects.filter(day__lt=(now - LONGEST_RANGE).date()).order_by("day")
    gone, _tables = EvaluationRow.objects.filter(pk__in=old.values("pk")[:limit]).delete()
    return gone
