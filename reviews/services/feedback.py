"""Every closed item becomes a labelled example, written in the transaction that closes it."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Max

from reviews.models import Approval, ApprovalItem, Decision, FeedbackExample


def add_example(
    *,
    approval: Approval,
    item: ApprovalItem,
    verdict: FeedbackExample.Verdict,
    decision: Decision | None,
    now: datetime,
) -> FeedbackExample:
    """Writes the first revision of an item's example."""
    example = first_revision(approval=approval, item=item, verdict=verdict, decision=decision, now=now)
    example.save(force_insert=True)
    return example


def first_revision(
    *,
    approval: Approval,
    item: ApprovalItem,
    verdict: FeedbackExample.Verdict,
    decision: Decision | None,
    now: datetime,
) -> FeedbackExample:
    """The unsaved first revision of an item's example, for those who write many at once."""
    return FeedbackExample(
        project_id=approval.project_id,
        approval=approval,
        item=item,
        decision=decision,
        revision=1,
        verdict=verdict,
        action=item.action,
        agent=approval.agent,
        recorded_at=now,
    )


def add_revisions(*, approval: Approval, now: datetime) -> None:
    """Writes another revision of every example of a request whose outcome was recorded.

    The caller holds the lock on the request's row, so two outcomes cannot draw the same number.
    """
    for item in approval.items.all():
        newest = item.feedback.aggregate(number=Max("revision"))["number"]
        last = item.feedback.get(revision=newest)
        FeedbackExample.objects.create(
            project_id=approval.project_id,
            approval=approval,
            item=item,
            decision=last.decision,
            revision=newest + 1,
            verdict=last.verdict,
            action=item.action,
            agent=approval.agent,
            outcome=approval.outcome,
            recorded_at=now,
        )
