"""What happens at the deadline: a request that nobody decided ends, once, as its policy says.

Nearly always it expires, which lets nothing be done but what people have decided of a batch: that is final. Where the
policy approves what nobody objected to, every item that is still open is approved, by no person; but a question without
an answer, or somebody's changes on which others have not agreed, are no silence.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from reviews import quorum, states
from reviews.models import Approval, ApprovalEvent, ApprovalItem, Decision, FeedbackExample
from reviews.services import feedback, flow, receipts
from reviews.services.feedback import Closed
from reviews.services.routing import by_project
from reviews.services.transitions import Line, add_events, announce
from reviews.wire import Standing

BATCH = 500
TIMEOUT = "timeout"
"""Who decided, where nobody did."""


@transaction.atomic
def expire_due(*, now: datetime, limit: int = BATCH) -> int:
    """Ends up to `limit` overdue requests of all projects; returns how many.

    Rows that another worker holds are passed over, so workers share the work and none is done twice.
    """
    due = Approval.objects.due(now).order_by("expires_at")
    rows = list(due.select_for_update(skip_locked=True, of=("self",)).select_related("project")[:limit])
    _end(rows, now)
    return len(rows)


@transaction.atomic
def expire(*, approval: Approval, now: datetime) -> bool:
    """Ends one request if it is overdue and nobody has yet; whoever reads it then sees the truth."""
    ended = bool(expire_all(keys=[approval.pk], now=now))
    if ended:
        approval.refresh_from_db()
    return ended


@transaction.atomic
def expire_all(*, keys: Collection[UUID], now: datetime) -> int:
    """Ends those of the named requests that are overdue and that nobody has ended yet; returns how many."""
    due = Approval.objects.due(now).filter(pk__in=keys).select_related("project")
    rows = list(due.order_by("id").select_for_update(of=("self",)))  # In one order, so that nobody waits in a circle.
    _end(rows, now)
    return len(rows)


def _end(rows: Sequence[Approval], now: datetime) -> None:
    """Ends requests whose rows the caller has locked, and writes everything that goes with it in bulk."""
    if not rows:
        return
    items: dict[UUID, list[ApprovalItem]] = {row.pk: [] for row in rows}
    for item in ApprovalItem.objects.filter(approval_id__in=items).order_by("approval_id", "index"):
        items[item.approval_id].append(item)
    approving = [row for row in rows if row.at_expiry == "approve"]
    votes = _votes([row for row in rows if row in approving or len(items[row.pk]) > 1])
    silent = {row.pk for row in approving if not _spoken(row, items[row.pk], votes[row.pk])}
    _expire([row for row in rows if row.pk not in silent], items, votes, now)
    _approve([row for row in rows if row.pk in silent], items, votes, now)
    flow.closed(rows)


def _votes(rows: Sequence[Approval]) -> dict[UUID, list[Decision]]:
    """The verdicts that stand, by request; nothing is read for no requests."""
    votes: dict[UUID, list[Decision]] = {row.pk: [] for row in rows}
    if votes:
        for vote in Decision.objects.standing().filter(approval_id__in=votes):
            votes[vote.approval_id].append(vote)
    return votes


def _spoken(row: Approval, items: Sequence[ApprovalItem], votes: Sequence[Decision]) -> bool:
    """Whether somebody did speak up: asked something that has no answer yet, or wants an open item done otherwise."""
    if row.status == states.Status.INFO_REQUESTED:
        return True
    return any(
        vote.verdict != states.Verdict.APPROVE
        for one in _standings(row, items, votes)
        if one.deciding is None
        for vote in one.votes
    )


def _standings(row: Approval, items: Sequence[ApprovalItem], votes: Sequence[Decision]) -> list[Standing]:
    return quorum.standings(items, votes, needed=row.review_plan.approvals_needed)


def _expire(
    rows: Sequence[Approval],
    items: dict[UUID, list[ApprovalItem]],
    votes: dict[UUID, list[Decision]],
    now: datetime,
) -> None:
    """Ends some requests undecided. What people have decided of a batch is signed, and learned from, as ever."""
    standings = {row.pk: _standings(row, items[row.pk], votes.get(row.pk, [])) for row in rows}
    for row in rows:
        row.status = states.target(states.Status(row.status), states.Verb.EXPIRE)
    Approval.objects.due(now).filter(pk__in=[row.pk for row in rows]).update(
        status=states.Status.EXPIRED, closed_at=now
    )
    halves = {row.pk: [one for one in standings[row.pk] if one.deciding is not None] for row in rows}
    signed = receipts.issue(decided=[(row, halves[row.pk]) for row in rows if halves[row.pk]], now=now)
    lines = [
        Line(
            row,
            None,
            {"on_timeout": row.on_timeout},
            standings=standings[row.pk] if row.pk in signed else (),
            receipts=signed.get(row.pk, ()),
        )
        for row in rows
    ]
    add_events(kind=ApprovalEvent.Kind.EXPIRED, lines=lines, now=now)
    ended = [(row, standings[row.pk]) for row in rows]
    feedback.add_ended(ended=ended, verdict=FeedbackExample.Verdict.EXPIRED, now=now)
    _announce(rows, now)


def _approve(
    rows: Sequence[Approval],
    items: dict[UUID, list[ApprovalItem]],
    votes: dict[UUID, list[Decision]],
    now: datetime,
) -> None:
    """Approves what is still open of some requests; what people have decided of a batch stays."""
    if not rows:
        return
    standings = _completed(rows, items, votes, now)
    decided = [(row, one.item, one.deciding) for row in rows for one in standings[row.pk] if one.deciding is not None]
    for row in rows:
        verb = quorum.verb_of(one.deciding.verdict for one in standings[row.pk] if one.deciding is not None)
        row.status = states.target(states.Status(row.status), verb)
        row.verdict = states.Status.MIXED if verb is states.Verb.MIX else verb.value
        row.closed_at, row.decided_by_label = now, TIMEOUT
    Approval.objects.bulk_update(rows, ["status", "verdict", "closed_at", "decided_by_label"])
    signed = receipts.issue(decided=[(row, standings[row.pk]) for row in rows], now=now)
    lines = [
        Line(
            row,
            None,
            {"verdict": row.verdict, "reason": "", "via": TIMEOUT},
            standings=standings[row.pk],
            receipts=signed[row.pk],
        )
        for row in rows
    ]
    add_events(kind=ApprovalEvent.Kind.DECIDED, lines=lines, now=now)
    feedback.add_closed(
        closed=[
            Closed(row, item, decision, FeedbackExample.Verdict(decision.verdict)) for row, item, decision in decided
        ],
        now=now,
    )
    _announce(rows, now)


def _completed(
    rows: Sequence[Approval],
    items: dict[UUID, list[ApprovalItem]],
    votes: dict[UUID, list[Decision]],
    now: datetime,
) -> dict[UUID, list[Standing]]:
    """Has the deadline approve every item that is still open, and says how all of them stand then; by request."""

    def standings_of(row: Approval) -> list[Standing]:
        return _standings(row, items[row.pk], votes[row.pk])

    made = [_nobodys(row, one.item, now) for row in rows for one in standings_of(row) if one.deciding is None]
    for vote in Decision.objects.bulk_create(made):
        votes[vote.approval_id].append(vote)
    return {row.pk: standings_of(row) for row in rows}


def _nobodys(row: Approval, item: ApprovalItem, now: datetime) -> Decision:
    """The approval of an item by the deadline, not saved yet."""
    return Decision(
        project_id=row.project_id,
        approval=row,
        item=item,
        verdict=states.Verdict.APPROVE,
        reviewer_name=TIMEOUT,
        decided_at=now,
    )


def _announce(rows: Sequence[Approval], now: datetime) -> None:
    for project, mine in by_project(rows):
        for status in sorted({row.status for row in mine}):
            ids = [row.pk for row in mine if row.status == status]
            announce(project=project, approval_ids=ids, status=status, now=now)
