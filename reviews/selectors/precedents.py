"""What was decided before on the same action."""

from __future__ import annotations

from dataclasses import dataclass

from reviews import states
from reviews.models import Approval

CONSIDERED = 100
SHOWN = 5


@dataclass(frozen=True)
class Precedents:
    """The latest decided requests for the same action, and how many of the last hundred were approved.

    `rows` have their items and decisions prefetched.
    """

    rows: list[Approval]
    considered: int
    approved: int


def precedents_of(approval: Approval) -> Precedents:
    """Precedents of a request in its project, itself left out."""
    same = (
        Approval.objects.of_project(approval.project)
        .decided()
        .filter(action=approval.action)
        .exclude(pk=approval.pk)
        .order_by("-closed_at")
    )
    statuses = list(same.values_list("status", flat=True)[:CONSIDERED])
    rows = list(same.prefetch_related("items", "decisions")[:SHOWN]) if statuses else []
    return Precedents(rows, len(statuses), statuses.count(states.Status.APPROVED))
