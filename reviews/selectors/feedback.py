"""Labelled examples in an order that can be followed: nothing ever appears behind a cursor that was handed out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Q, QuerySet

from agents.models import Project
from console.lib.http import Problem, decode_cursor, encode_cursor
from reviews.models import FeedbackExample

CHUNK = 200


@dataclass(frozen=True)
class Position:
    """A place in the order of examples: the writing transaction, then the row."""

    transaction: int
    row: int


START = Position(-(2**62), 0)
"""Before every example, also before those that a restore has given numbers below zero."""


@dataclass(frozen=True)
class FeedbackFilter:
    """Which examples to read; empty means all decided ones."""

    action: str = ""
    agent: str = ""
    verdict: str = ""
    recorded_since: datetime | None = None
    undecided: bool = False


def position_of(project: Project, cursor: str) -> Position:
    """Where a cursor points; raises Problem 400 for one that this project's feedback never gave.

    A cursor holds the row only and the row knows its transaction, so cursors survive a restore into another database
    cluster, where transactions are numbered anew.
    """
    row = decode_cursor(cursor, length=1)[0]
    if row == 0:
        return START
    known = isinstance(row, int) and 0 < row < 2**63
    example = FeedbackExample.objects.filter(project=project, pk=row).only("transaction").first() if known else None
    if example is None:
        raise Problem(400, "The cursor is not one of ours.", errors={"cursor": ["not a cursor of this feedback"]})
    return Position(example.transaction, example.pk)


def cursor_at(position: Position) -> str:
    """The cursor that leads back to a position."""
    return encode_cursor([position.row])


def settled_end(project: Project) -> Position:
    """The last example that may be read now: every transaction up to it has ended, so nothing can come before it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        horizon = cursor.fetchone()[0]
    last = (
        FeedbackExample.objects.filter(project=project, transaction__lt=horizon)
        .order_by("-transaction", "-id")
        .values_list("transaction", "id")
        .first()
    )
    return Position(*last) if last else START


def chunk(project: Project, *, after: Position, end: Position, filters: FeedbackFilter) -> list[FeedbackExample]:
    """The next examples after a position; empty when there are no more up to `end`."""
    return list(_filtered(project, filters).filter(_between(after, end)).order_by("transaction", "id")[:CHUNK])


def _filtered(project: Project, filters: FeedbackFilter) -> QuerySet[FeedbackExample]:
    rows = FeedbackExample.objects.filter(project=project)
    limits = {"action": filters.action, "agent": filters.agent, "verdict": filters.verdict}
    rows = rows.filter(**{column: value for column, value in limits.items() if value})
    if filters.recorded_since is not None:
        rows = rows.filter(recorded_at__gte=filters.recorded_since)
    if not filters.undecided:
        rows = rows.exclude(verdict__in=FeedbackExample.UNDECIDED)
    return rows.select_related("approval", "approval__policy_version", "item", "decision")


def _between(after: Position, end: Position) -> Q:
    behind = Q(transaction__gt=after.transaction) | Q(transaction=after.transaction, pk__gt=after.row)
    before = Q(transaction__lt=end.transaction) | Q(transaction=end.transaction, pk__lte=end.row)
    return behind & before & Q(transaction__gte=after.transaction, transaction__lte=end.transaction)
