"""Labelled examples in an order that can be followed: nothing ever appears behind a cursor that was handed out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import connection
from django.db.models import Q, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.lookups import Exact

from agents.models import Project
from console.lib.http import Problem, decode_cursor, encode_cursor
from metrics.models import Trace
from reviews.models import Approval, FeedbackExample, FeedbackSettings, ReasonLabel
from reviews.models.feedback import FeedbackExampleQuerySet

CHUNK = 200


class Position(NamedTuple):
    """A place in the order of examples: the writing transaction, then the row."""

    transaction: int
    row: int


START = Position(-(2**62), 0)
"""Before every example, also before those that a restore has given numbers below zero."""

NO_OUTCOME = "none"
"""As an outcome to filter by: nothing is known of how it went."""


@dataclass(frozen=True)
class FeedbackFilter:
    """Which examples to read; empty means all decided ones. `outcome` may be NO_OUTCOME; without `score_revisions`
    those revisions are passed over that only a score has added."""

    action: str = ""
    agent: str = ""
    verdict: str = ""
    label: str = ""
    outcome: str = ""
    recorded_since: datetime | None = None
    recorded_until: datetime | None = None
    undecided: bool = False
    score_revisions: bool = True

    def applied(self, rows: FeedbackExampleQuerySet) -> FeedbackExampleQuerySet:
        """Those of the rows that match."""
        limits = {"action": self.action, "agent": self.agent, "verdict": self.verdict}
        rows = rows.filter(**{column: value for column, value in limits.items() if value})
        if self.label:
            rows = rows.filter(~Q(labels=[]), labels__contains=[self.label])
        if self.outcome == NO_OUTCOME:
            rows = rows.filter(outcome__isnull=True)
        elif self.outcome:
            went = Exact(KeyTextTransform("status", "outcome"), Value(self.outcome))  # as the index has it
            rows = rows.filter(went, outcome__isnull=False)
        if self.recorded_since is not None:
            rows = rows.filter(recorded_at__gte=self.recorded_since)
        if self.recorded_until is not None:
            rows = rows.filter(recorded_at__lt=self.recorded_until)
        if not self.score_revisions:
            rows = rows.exclude(cause=FeedbackExample.Cause.SCORE)
        return rows if self.undecided else rows.decided()


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
    settled = FeedbackExample.objects.filter(project=project, transaction__lt=horizon)
    return _last(settled) or START


def has_more(project: Project, *, after: Position) -> bool:
    """Whether examples lie behind a position, settled or not."""
    last = _last(FeedbackExample.objects.filter(project=project))
    return last is not None and last > after


def _last(rows: FeedbackExampleQuerySet) -> Position | None:
    found = rows.order_by("-transaction", "-id").values_list("transaction", "id").first()
    return Position(*found) if found else None


def chunk(
    project: Project, *, after: Position, end: Position, filters: FeedbackFilter, size: int = CHUNK
) -> list[FeedbackExample]:
    """The next examples after a position, with all that lines say of them; empty when there are no more up to `end`."""
    rows = filters.applied(FeedbackExample.objects.filter(_between(after, end), project=project))
    return list(rows.with_parts().order_by("transaction", "id")[:size])


def _between(after: Position, end: Position) -> Q:
    behind = Q(transaction__gt=after.transaction) | Q(transaction=after.transaction, pk__gt=after.row)
    before = Q(transaction__lt=end.transaction) | Q(transaction=end.transaction, pk__lte=end.row)
    return behind & before & Q(transaction__gte=after.transaction, transaction__lte=end.transaction)


def revisions(approval: Approval, index: int) -> list[FeedbackExample]:
    """What is known of one item of a request, the first revision first."""
    rows = FeedbackExample.objects.filter(project=approval.project_id, approval=approval, item__index=index)
    return list(rows.with_parts().order_by("revision"))


@dataclass(frozen=True)
class Taxonomy:
    """How a project labels its examples: the labels that are offered, in order, and what else it has chosen."""

    labels: list[ReasonLabel]
    closed: bool
    reviewer_names: bool

    @property
    def names(self) -> list[str]:
        """What the labels are called."""
        return [label.name for label in self.labels]


def taxonomy(project: Project) -> Taxonomy:
    """What a project offers its reviewers."""
    chosen = FeedbackSettings.objects.filter(project=project).first() or FeedbackSettings()
    return Taxonomy(offered_labels(project), closed=chosen.labels_closed, reviewer_names=chosen.reviewer_names)


def offered_labels(project: Project) -> list[ReasonLabel]:
    """The labels that reviewers can give, in the project's order."""
    return list(ReasonLabel.objects.filter(project=project, retired_at__isnull=True))


def names_reviewers(project: Project) -> bool:
    """Whether the project's examples say who decided."""
    return FeedbackSettings.objects.filter(project=project, reviewer_names=True).exists()


class Usage(NamedTuple):
    """What a trace has used so far: its models, and its cost in nano-USD, None where a price is not known."""

    models: list[str]
    cost_nanos: int | None


NOTHING = Usage([], None)


def usage_of(approvals: Iterable[Approval]) -> dict[tuple[int, str], Usage]:
    """What the traces of some requests have used so far, by project and trace. One query, none without traces."""
    asked = {(one.project_id, one.trace_id) for one in approvals if one.trace_id}
    if not asked:
        return {}
    found = Trace.objects.filter(
        project_id__in={project for project, _trace in asked},
        trace_id__in=[bytes.fromhex(trace) for _project, trace in asked],
    ).values_list("project_id", "trace_id", "models", "cost_nanos", "unpriced_count")
    return {
        (project, bytes(trace).hex()): Usage(list(models), None if unpriced and not cost else cost)
        for project, trace, models, cost, unpriced in found
    }
