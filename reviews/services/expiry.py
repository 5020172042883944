"""What happens at the deadline: a request that nobody decided is expired, once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from agents.services import audit
from reviews import states
from reviews.models import Approval, ApprovalEvent, ApprovalItem, FeedbackExample
from reviews.services import flow
from reviews.services.feedback import first_revision
from reviews.services.transitions import announce

BATCH = 500


@transaction.atomic
def expire_due(*, now: datetime, limit: int = BATCH) -> int:
    """Expires up to `limit` overdue requests of all projects; returns how many.

    Rows that another worker holds are passed over, so workers share the work and none is done twice.
    """
    rows = list(
        Approval.objects.due(now)
        .order_by("expires_at")
        .select_for_update(skip_locked=True, of=("self",))
        .select_related("project")[:limit]
    )
    _expire(rows, now)
    return len(rows)


@transaction.atomic
def expire(*, approval: Approval, now: datetime) -> bool:
    """Expires one request if it is overdue and nobody has yet; whoever reads it then sees the truth."""
    expired = bool(expire_all(keys=[approval.pk], now=now))
    if expired:
        approval.refresh_from_db()
    return expired


@transaction.atomic
def expire_all(*, keys: Collection[UUID], now: datetime) -> int:
    """Expires those of the named requests that are overdue and that nobody has expired yet; returns how many."""
    due = Approval.objects.due(now).filter(pk__in=keys).select_related("project")
    rows = list(due.order_by("id").select_for_update(of=("self",)))  # In one order, so that nobody waits in a circle.
    _expire(rows, now)
    return len(rows)


def _expire(rows: Sequence[Approval], now: datetime) -> None:
    """Expires requests whose rows the caller has locked, and writes everything that goes with it in bulk."""
    if not rows:
        return
    for row in rows:
        row.status = states.target(states.Status(row.status), states.Verb.EXPIRE)
    ids = [row.pk for row in rows]
    Approval.objects.due(now).filter(pk__in=ids).update(status=states.Status.EXPIRED, closed_at=now)
    ApprovalEvent.objects.bulk_create(
        ApprovalEvent(
            project_id=row.project_id,
            approval=row,
            kind=ApprovalEvent.Kind.EXPIRED,
            at=now,
            actor_label="deadline",
            detail={"on_timeout": row.on_timeout},
        )
        for row in rows
    )
    audit.record_by_system(
        targets=[(row.project_id, f"approval {row.pk}") for row in rows], action="approval.expired", detail={}, now=now
    )
    flow.closed(rows)
    by_id = {row.pk: row for row in rows}
    FeedbackExample.objects.bulk_create(
        first_revision(
            approval=by_id[item.approval_id],
            item=item,
            verdict=FeedbackExample.Verdict.EXPIRED,
            decision=None,
            now=now,
        )
        for item in ApprovalItem.objects.filter(approval_id__in=ids).order_by("id")
    )
    of_project = defaultdict(list)
    for row in rows:
        of_project[row.project_id].append(row)
    for group in of_project.values():
        changed = [row.pk for row in group]
        announce(project=group[0].project, approval_ids=changed, status=states.Status.EXPIRED, now=now)
