"""What several people said of the same action, written down for the figures of agreement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from reviews.models import ApprovalItem, Decision, RatedItem, RereviewAnswer

Source = RatedItem.Source


def note_votes(*, approval_ids: Sequence[UUID]) -> int:
    """Keeps the verdicts on those actions of decided requests on which several people voted; returns how many."""
    if not approval_ids:
        return 0
    votes: dict[int, list[Decision]] = defaultdict(list)
    rows = Decision.objects.standing().filter(approval__in=approval_ids, reviewer__isnull=False).select_related("item")
    for vote in rows:
        votes[vote.item_id].append(vote)
    rated = [
        RatedItem(
            project_id=given[0].project_id,
            item=given[0].item,
            source=Source.VOTES,
            action=given[0].item.action,
            ratings=[rating(vote.reviewer_id, vote.verdict, vote.decided_at) for vote in given],
            rated_at=given[-1].decided_at,
        )
        for given in votes.values()
        if len(given) > 1
    ]
    RatedItem.objects.bulk_create(rated, ignore_conflicts=True)
    return len(rated)


def note_blind(*, item: ApprovalItem, first: Decision, answer: RereviewAnswer) -> RatedItem:
    """Adds an answer to what is kept of an action, beside the first verdict. The caller has locked its rereview."""
    assert answer.answered_at is not None
    begun = [rating(first.reviewer_id, first.verdict, first.decided_at)]
    start: dict[str, Any] = {"action": item.action, "ratings": begun, "rated_at": answer.answered_at}
    key: dict[str, Any] = {"project_id": answer.project_id, "item": item, "source": Source.BLIND}
    row, _made = RatedItem.objects.get_or_create(**key, defaults=start)
    row.ratings = [*row.ratings, rating(answer.reviewer_id, answer.verdict, answer.answered_at)]
    row.rated_at = answer.answered_at
    row.save(update_fields=["ratings", "rated_at"])
    return row


def rating(reviewer: int | None, verdict: str, at: datetime) -> dict[str, Any]:
    """One person's verdict as it is kept."""
    return {"reviewer": reviewer, "verdict": verdict, "at": at.timestamp()}
