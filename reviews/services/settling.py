"""When people's verdicts take effect: the request closes, examples are written, and the agent is told.

Where a project gives its reviewers time to withdraw, that is some seconds after the last verdict. Until then the
request waits, as far as the agent can see; a deadline that falls into that time does not undo the decision.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from agents.authentication import Caller
from reviews import quorum, states
from reviews.models import Approval, ApprovalEvent, Decision
from reviews.services import feedback, receipts
from reviews.services.deciders import standings_of
from reviews.services.transitions import AlreadyDecided, Line, add_events, announce, as_already_decided, close
from reviews.wire import Standing

BATCH = 500
NAMES_CHARS = 200


def joined(approval: Approval, standings: Sequence[Standing], vote: Decision) -> list[Standing]:
    """The same items, with one more verdict."""
    votes = [*(earlier for one in standings for earlier in one.votes), vote]
    return quorum.standings([one.item for one in standings], votes, needed=approval.review_plan.approvals_needed)


def names_of(standings: Sequence[Standing]) -> str:
    """The people whose verdicts are the decision, in the order in which they gave them."""
    votes = sorted((vote for standing in standings for vote in standing.agreeing), key=lambda vote: vote.pk)
    return ", ".join(dict.fromkeys(vote.reviewer_name for vote in votes))[:NAMES_CHARS]


def last_of(standings: Sequence[Standing]) -> Decision:
    """The verdict that decided the last item of a request of which all are decided."""
    return max((one.deciding for one in standings if one.deciding is not None), key=lambda vote: vote.pk)


def locked(approval: Approval) -> Approval:
    """The request's row as it now is, which nobody else changes until the caller's transaction ends.

    Nothing that can change is joined to it: after a wait for the lock PostgreSQL reads the row again, but not what was
    joined, and whoever has just claimed it would be missing.
    """
    return Approval.objects.select_for_update(of=("self",)).select_related("project").get(pk=approval.pk)


def overtaken(row: Approval, *, now: datetime) -> AlreadyDecided | None:
    """Why nobody can decide on a locked request any more; None when people still can.

    One whose time to withdraw is over is closed on the way.
    """
    if row.is_waiting and row.settles_at is not None:
        if row.settles_at <= now:
            settle(row, standings_of(row), now=now)
            return as_already_decided(row)
        standings = standings_of(row)
        return decided_by(standings, at=last_of(standings).decided_at)
    if not row.is_waiting:
        return as_already_decided(row)
    if row.expires_at <= now:
        return AlreadyDecided(states.Status.EXPIRED, None, None, row.expires_at)
    return None


def decided_by(standings: Sequence[Standing], *, at: datetime) -> AlreadyDecided:
    """Who has decided some items, in the words for those who come too late."""
    verb = quorum.verb_of(one.deciding.verdict for one in standings if one.deciding is not None)
    status = states.target(states.Status.PENDING, verb)
    return AlreadyDecided(status, names_of(standings), _verdict(verb), at)


def via(by: Caller) -> str:
    """How a person came: with a token, or in the browser."""
    return "token" if by.token else "session"


def settle(row: Approval, standings: Sequence[Standing], *, now: datetime, by: Caller | None = None) -> None:
    """Closes a locked request of which all items are decided, in the caller's transaction.

    `by` is who has just decided the last of them; None when that was a while ago.
    """
    last = last_of(standings)
    verb = quorum.verb_of(one.deciding.verdict for one in standings if one.deciding is not None)
    lost = close(
        approval=row,
        verb=verb,
        now=last.decided_at,
        verdict=_verdict(verb),
        decided_by=last.reviewer,
        decided_by_label=names_of(standings),
    )
    assert lost is None, "the row is locked, and its verdicts were given in time"
    detail = {"verdict": row.verdict, "reason": last.reason, **({"via": via(by)} if by else {})}
    author = by or Caller(user=last.reviewer)
    signed = receipts.issue(decided=[(row, standings)], now=now)
    line = Line(row, author, detail, standings=standings, receipts=signed[row.pk])
    add_events(kind=ApprovalEvent.Kind.DECIDED, lines=[line], now=now)
    decisions = [one.deciding for one in standings if one.deciding is not None]
    feedback.add_decided(decisions=decisions, now=now)
    announce(project=row.project, approval_ids=[row.pk], status=row.status, now=now)


@transaction.atomic
def settle_due(*, now: datetime, limit: int = BATCH) -> int:
    """Closes up to `limit` decided requests whose time to withdraw is over; returns how many.

    Rows that another worker holds are passed over, so workers share the work and none is done twice.
    """
    rows = Approval.objects.settling(now).order_by("settles_at").select_for_update(skip_locked=True, of=("self",))
    return _settle_all(rows.select_related("project")[:limit], now)


@transaction.atomic
def settle_all(*, keys: Collection[UUID], now: datetime) -> int:
    """Closes those of the named requests whose time to withdraw is over; returns how many. For whoever reads them."""
    rows = Approval.objects.settling(now).filter(pk__in=keys).order_by("id").select_for_update(of=("self",))
    return _settle_all(rows.select_related("project"), now)


def _settle_all(rows: Collection[Approval], now: datetime) -> int:
    for row in rows:
        settle(row, standings_of(row), now=now)
    return len(rows)


def _verdict(verb: states.Verb) -> str:
    return states.Status.MIXED if verb is states.Verb.MIX else verb.value
