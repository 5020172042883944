"""Every closed item becomes a labelled example, written in the transaction that closes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import pgtrigger
from django.db import connection, transaction
from django.db.models import Max

from reviews.models import Approval, ApprovalItem, Decision, FeedbackExample
from reviews.wire import Standing


def add_decided(*, decisions: Iterable[Decision], now: datetime) -> None:
    """Writes the first revision of the example of every item that was decided, each by one of `decisions`.

    They may be of many requests, which they have at hand.
    """
    FeedbackExample.objects.bulk_create(
        first_revision(
            approval=decision.approval,
            item=decision.item,
            verdict=FeedbackExample.Verdict(decision.verdict),
            decision=decision,
            now=now,
        )
        for decision in decisions
    )


def add_ended(
    *, ended: Iterable[tuple[Approval, Sequence[Standing]]], verdict: FeedbackExample.Verdict, now: datetime
) -> None:
    """Writes the first revision of the example of every item of requests that ended with `verdict`: undecided.

    An item of a batch on which people had decided before keeps what they decided.
    """
    FeedbackExample.objects.bulk_create(
        first_revision(
            approval=approval,
            item=one.item,
            verdict=FeedbackExample.Verdict(one.deciding.verdict) if one.deciding is not None else verdict,
            decision=one.deciding,
            now=now,
        )
        for approval, standings in ended
        for one in standings
    )


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


RENUMBER = """
    UPDATE reviews_feedbackexample AS example
       SET transaction = ranked.place - ranked.total
      FROM (SELECT id,
                   row_number() OVER (ORDER BY transaction, id) AS place,
                   count(*) OVER () AS total
              FROM reviews_feedbackexample) AS ranked
     WHERE ranked.id = example.id
"""


@transaction.atomic
def renumber() -> int:
    """Makes examples readable again after a restore into another database cluster; returns how many there are.

    A new cluster counts its transactions from the start, so restored rows would seem to lie in the future. They get
    numbers up to 0, below all that will ever be written, in the order they had; cursors handed out before still hold.
    """
    with pgtrigger.ignore("reviews.FeedbackExample:feedback_append_only"), connection.cursor() as cursor:
        cursor.execute(RENUMBER)
        return int(cursor.rowcount)
