"""Every closed item becomes a labelled example, written in the transaction that closes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pgtrigger
from django.db import connection, transaction

from reviews.models import Approval, ApprovalItem, Decision, FeedbackCorrection, FeedbackExample
from reviews.selectors.feedback import NOTHING, Usage, usage_of
from reviews.selectors.feedback_scores import Scores, scores_of
from reviews.services import feedback_news
from reviews.wire import Standing

Verdict = FeedbackExample.Verdict
Cause = FeedbackExample.Cause


@dataclass(frozen=True)
class Closed:
    """An item that was closed: by a decision, else undecided."""

    approval: Approval
    item: ApprovalItem
    decision: Decision | None
    verdict: FeedbackExample.Verdict

    @classmethod
    def by(cls, decision: Decision) -> Closed:
        """What a decision closed. It has its request and its item at hand."""
        return cls(decision.approval, decision.item, decision, Verdict(decision.verdict))


def add_decided(*, decisions: Iterable[Decision], now: datetime) -> None:
    """Writes the first revision of the example of every item that was decided, each by one of `decisions`.

    They may be of many requests, which they have at hand.
    """
    add_closed(closed=[Closed.by(decision) for decision in decisions], now=now)


def add_ended(
    *, ended: Iterable[tuple[Approval, Sequence[Standing]]], verdict: FeedbackExample.Verdict, now: datetime
) -> None:
    """Writes the first revision of the example of every item of requests that ended with `verdict`: undecided.

    An item of a batch on which people had decided before keeps what they decided.
    """
    closed = [
        Closed(approval, one.item, one.deciding, Verdict(one.deciding.verdict) if one.deciding else verdict)
        for approval, standings in ended
        for one in standings
    ]
    add_closed(closed=closed, now=now)


def add_closed(*, closed: Iterable[Closed], now: datetime) -> None:
    """Writes the first revision of the example of each closed item, of however many requests."""
    ends = list(closed)
    if not ends:
        return
    used = usage_of(end.approval for end in ends)
    scores = scores_of(end.approval for end in ends)
    traces = [(end.approval.project_id, end.approval.trace_id) for end in ends]
    rows = [
        _first(end, used.get(trace, NOTHING), scores.get(trace, []), now)
        for end, trace in zip(ends, traces, strict=True)
    ]
    FeedbackExample.objects.bulk_create(rows)
    feedback_news.tell(rows, now=now)


def _first(end: Closed, used: Usage, scores: Scores, now: datetime) -> FeedbackExample:
    return FeedbackExample(
        project_id=end.approval.project_id,
        approval=end.approval,
        item=end.item,
        decision=end.decision,
        revision=1,
        cause=Cause.DECISION,
        verdict=end.verdict,
        action=end.item.action,
        agent=end.approval.agent,
        labels=end.decision.labels if end.decision else [],
        trace_models=used.models,
        trace_cost_nanos=used.cost_nanos,
        scores=scores,
        recorded_at=now,
    )


def add_outcome(*, approval: Approval, now: datetime) -> None:
    """Writes another revision of every example of a request whose outcome was recorded.

    The caller holds the lock on the request's row, so that nobody else draws the same numbers.
    """
    _add_revisions(newest_of(approval), Cause.OUTCOME, now, outcome=approval.outcome)


def add_correction(*, example: FeedbackExample, correction: FeedbackCorrection, now: datetime) -> FeedbackExample:
    """Writes another revision of an example with other labels or another reason. Lock as in `add_outcome`."""
    labels = correction.labels
    return _add_revisions([example], Cause.CORRECTION, now, correction=correction, labels=labels)[0]


def add_scores(*, approval: Approval, now: datetime) -> None:
    """Writes another revision of every example of a request whose trace has other human scores than it says.

    Lock as in `add_outcome`.
    """
    scores = scores_of([approval]).get((approval.project_id, approval.trace_id), [])
    changed = [example for example in newest_of(approval) if example.scores != scores]
    if changed:
        _add_revisions(changed, Cause.SCORE, now, scores=scores)


def newest_of(approval: Approval) -> list[FeedbackExample]:
    """The examples of a request as they are now, in the order of its items."""
    rows = FeedbackExample.objects.filter(approval=approval).newest().order_by("item__index")
    return list(rows.select_related("approval__project", "item", "decision", "correction"))


def _add_revisions(
    earlier: Iterable[FeedbackExample], cause: FeedbackExample.Cause, now: datetime, **changes: Any
) -> list[FeedbackExample]:
    """The same examples once more, with what has changed."""
    known = list(earlier)
    used = usage_of(one.approval for one in known)
    rows = []
    for last in known:
        before = Usage(last.trace_models, last.trace_cost_nanos)  # the trace may have expired meanwhile
        models, cost = used.get((last.project_id, last.approval.trace_id), before)
        carried = {"correction": last.correction, "labels": last.labels, "outcome": last.outcome, "scores": last.scores}
        rows.append(
            FeedbackExample(
                project_id=last.project_id,
                approval=last.approval,
                item=last.item,
                decision=last.decision,
                revision=last.revision + 1,
                cause=cause,
                verdict=last.verdict,
                action=last.action,
                agent=last.agent,
                trace_models=models,
                trace_cost_nanos=cost,
                recorded_at=now,
                **{**carried, **changes},
            )
        )
    FeedbackExample.objects.bulk_create(rows)
    feedback_news.tell(rows, now=now)
    return rows


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
