"""The audit log is written by the services whose acts it tells of, inside their transaction."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model

from agents.authentication import Caller
from agents.models import AuditEvent, Project, User
from console.lib.rows import insert

SYSTEM = "Handrail"
LABEL_CHARS = 200


@dataclass(frozen=True)
class Act:
    """One act of many: who did it, in which project, on which object. `by` None means the system itself."""

    project_id: int | None
    by: Caller | None
    target: str
    detail: dict[str, Any]


def differences(row: Model, wanted: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What `wanted` would change of a row's columns, as the detail of the act: {column: {"from": ..., "to": ...}}."""
    return {
        name: {"from": getattr(row, name), "to": value} for name, value in wanted.items() if getattr(row, name) != value
    }


def record(
    *,
    project: Project | None,
    by: Caller | User | None,
    action: str,
    target: str,
    detail: dict[str, Any],
    now: datetime,
) -> None:
    """Adds one audit row. `by` None means the system itself; `target` names the object, as "approval <id>"."""
    caller = Caller(user=by) if isinstance(by, User) else by
    record_all([Act(project.pk if project else None, caller, target, detail)], action=action, now=now)


def record_all(acts: Iterable[Act], *, action: str, now: datetime) -> None:
    """Adds one audit row for each of some acts of the same sort, in one statement."""
    insert(rows_of(acts, action=action, now=now))


def rows_of(acts: Iterable[Act], *, action: str, now: datetime) -> list[AuditEvent]:
    """As `record_all`, but it is the caller who writes the rows."""
    return [
        AuditEvent(
            project_id=act.project_id,
            actor_user=act.by.user if act.by else None,
            actor_key=act.by.key if act.by else None,
            actor_label=(act.by.label if act.by else SYSTEM)[:LABEL_CHARS],
            action=action,
            target=act.target[:LABEL_CHARS],
            detail=act.detail,
            at=now,
        )
        for act in acts
    ]


def record_by_system(*, targets: Iterable[tuple[int, str]], action: str, detail: dict[str, Any], now: datetime) -> None:
    """Adds one audit row for each (project id, target) on which the system itself did the same, in one statement."""
    record_all((Act(project_id, None, target, detail) for project_id, target in targets), action=action, now=now)
