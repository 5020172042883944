"""Keeping decisions so that they can be found again by what was asked."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from reviews.embedding import embed, fingerprint
from reviews.models import Decision, Precedent


def remember(*, approval_ids: Collection[UUID]) -> None:
    """Keeps each decided item of some requests as a precedent, with the decision of a person that came last.

    An item that is a precedent already stays as it is.
    """
    decisions = Decision.objects.filter(approval_id__in=approval_ids, withdrawn_at__isnull=True, reviewer__isnull=False)
    last = {row.item_id: row for row in decisions.select_related("item", "approval").order_by("id")}
    Precedent.objects.bulk_create(
        (
            Precedent(
                project_id=row.project_id,
                approval_id=row.approval_id,
                item=row.item,
                action=row.item.action,
                verdict=row.verdict,
                fingerprint=fingerprint(row.item.arguments),
                embedding=embed(row.item.action, row.item.arguments, row.approval.summary),
                decided_at=row.decided_at,
            )
            for row in last.values()
        ),
        ignore_conflicts=True,
    )
