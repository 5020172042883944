"""The audit log is written by the services whose acts it tells of, inside their transaction."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from agents.authentication import Caller
from agents.models import AuditEvent, Project, User

SYSTEM = "Handrail"
LABEL_CHARS = 200


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
    AuditEvent.objects.create(
        project=project,
        actor_user=caller.user if caller else None,
        actor_key=caller.key if caller else None,
        actor_label=(caller.label if caller else SYSTEM)[:LABEL_CHARS],
        action=action,
        target=target[:LABEL_CHARS],
        detail=detail,
        at=now,
    )


def record_by_system(*, targets: Iterable[tuple[int, str]], action: str, detail: dict[str, Any], now: datetime) -> None:
    """Adds one audit row for each (project id, target) on which the system itself did the same, in one statement."""
    AuditEvent.objects.bulk_create(
        AuditEvent(
            project_id=project_id, actor_label=SYSTEM, action=action, target=target[:LABEL_CHARS], detail=detail, at=now
        )
        for project_id, target in targets
    )
