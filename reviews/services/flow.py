"""Counting what flows through the queue: noted where it happens, counted shortly after, off the path of any request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Coalesce

from console.lib.rows import insert
from metrics import histogram
from metrics.resolutions import OTHER
from reviews import states
from reviews.flow import DAY, EPOCH, EVER, HOUR, Closing, Tally, Vote, period
from reviews.models import Approval, Dimension, FlowEntry, FlowRollup
from reviews.selectors.votes import votes_of
from reviews.services import precedents, rereview

BATCH = 1_000
MOST_VALUES = 500
"""Of a dimension so many values are told apart in a day; later ones are counted together."""

LOCK = 0x666C6F77
"""Of the one who counts: two at once would overwrite each other's sums."""

Key = tuple[int, int, str, datetime, str]
"""Of a row of counts: project, seconds, dimension, start, value."""

SUMS = [
    "arrivals", "closings", "approved", "edited", "rejected", "answered", "mixed", "expired", "timed_out", "cancelled",
    "automatic", "suggested", "overridden", "decisions", "hasty", "timed",
]  # fmt: skip
OFFSETS = ["arrivals_offset", "closings_offset", "wait_sum", "stay_sum", "timed_sum"]
HISTOGRAMS = ["waits", "times_short", "times_long"]


def arrivals(approvals: Iterable[Approval]) -> list[FlowEntry]:
    """The notes of requests that are being made; the caller writes them in the same transaction."""
    return _notes(FlowEntry.Kind.ARRIVAL, approvals)


def closed(approvals: Iterable[Approval]) -> None:
    """Notes requests that have just been decided, cancelled or expired, in the caller's transaction."""
    insert(_notes(FlowEntry.Kind.CLOSING, approvals))


def _notes(kind: FlowEntry.Kind, approvals: Iterable[Approval]) -> list[FlowEntry]:
    return [FlowEntry(project_id=one.project_id, approval_id=one.pk, kind=kind) for one in approvals]


@transaction.atomic
def count(*, limit: int = BATCH) -> int:
    """Counts up to `limit` of what was noted and keeps the decisions among it as precedents; returns how many.

    Some of the decisions are drawn to be judged once more. Whoever comes while another counts has nothing to do and
    returns 0.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return 0
    entries = list(FlowEntry.objects.order_by("id")[:limit])
    if not entries:
        return 0
    rows = _requests({entry.approval_id for entry in entries})
    ended = {entry.approval_id for entry in entries if entry.kind == FlowEntry.Kind.CLOSING}
    votes = votes_of([key for key in ended if rows[key]["status"] in states.DECIDED])
    tallies: dict[Key, Tally] = defaultdict(Tally)
    for entry in entries:
        row = rows[entry.approval_id]
        if entry.kind == FlowEntry.Kind.ARRIVAL:
            _arrive(tallies, row)
        else:
            _close(tallies, row, votes.get(entry.approval_id, []))
    _add(_bounded(tallies))
    precedents.remember(approval_ids=list(votes))
    rereview.note_closed(votes=votes)
    FlowEntry.objects.filter(pk__in=[entry.pk for entry in entries]).delete()
    return len(entries)


def _requests(keys: Iterable[UUID]) -> dict[UUID, dict[str, Any]]:
    found = Approval.objects.filter(pk__in=keys).values(
        "pk", "project_id", "action", "agent", "requested_at", "closed_at", "status", "verdict", "decided_by_label",
        group=Coalesce("routed_to__slug", "team"),
    )  # fmt: skip
    return {row["pk"]: dict(row) for row in found}


def _arrive(tallies: dict[Key, Tally], row: dict[str, Any]) -> None:
    at = row["requested_at"]
    for key in _keys(row, at):
        tallies[key].arrive((at - key[3]).total_seconds())


def _close(tallies: dict[Key, Tally], row: dict[str, Any], votes: Sequence[Vote]) -> None:
    at = row["closed_at"]
    closing = Closing(requested_at=row["requested_at"], closed_at=at, end=_end(row, votes))
    for key in _keys(row, at):
        tallies[key].close(closing, (at - key[3]).total_seconds())
    for vote in votes:
        for key in _keys(row, vote.decided_at, reviewer=vote.reviewer):
            tallies[key].vote(vote, verdicts=key[2] == Dimension.REVIEWER)


def _end(row: dict[str, Any], votes: Sequence[Vote]) -> str:
    if row["status"] not in states.DECIDED:
        return str(row["status"])
    if not votes:
        return "timeout" if row["decided_by_label"] == "timeout" else "policy"
    return "mixed" if row["status"] == states.Status.MIXED else str(row["verdict"])


def _keys(row: dict[str, Any], at: datetime, reviewer: str = "") -> list[Key]:
    """The rows of counts that something belongs to: those of the hour and the day, and of all time."""
    values = {
        Dimension.ALL: "", Dimension.ACTION: row["action"], Dimension.AGENT: row["agent"], Dimension.TEAM: row["group"]
    }  # fmt: skip
    if reviewer:
        values[Dimension.REVIEWER] = reviewer
    project = row["project_id"]
    keys: list[Key] = [
        (project, seconds, dimension.value, period(at, seconds), value)
        for seconds in (HOUR, DAY)
        for dimension, value in values.items()
    ]
    return [*keys, (project, EVER, Dimension.ALL.value, EPOCH, "")]


def _bounded(tallies: dict[Key, Tally]) -> dict[Key, Tally]:
    """The same with values beyond the first MOST_VALUES of a day put together, so that no caller can fill the table."""
    days = {key[3] for key in tallies if key[1] == DAY}
    projects = {key[0] for key in tallies}
    known: dict[tuple[int, str, datetime], set[str]] = defaultdict(set)
    stored = FlowRollup.objects.filter(project_id__in=projects, seconds=DAY, start__in=days)
    for project, dimension, start, value in stored.values_list("project_id", "dimension", "start", "value"):
        known[project, dimension, start].add(value)
    bounded: dict[Key, Tally] = {}
    for (project, seconds, dimension, start, value), tally in tallies.items():
        values = known[project, dimension, period(start, DAY)]
        apart = value in values or seconds == EVER or len(values) < MOST_VALUES
        if apart:
            values.add(value)
        key = (project, seconds, dimension, start, value if apart else OTHER)
        bounded[key] = bounded[key].joined(tally) if key in bounded else tally
    return bounded


def _add(tallies: dict[Key, Tally]) -> None:
    """Adds to the stored counts. The caller holds the lock, so what is read is what is replaced."""
    projects, starts = {key[0] for key in tallies}, {key[3] for key in tallies}
    values = {key[4] for key in tallies}
    rows = {
        (row.project_id, row.seconds, row.dimension, row.start, row.value): row
        for row in FlowRollup.objects.filter(project_id__in=projects, start__in=starts, value__in=values)
    }
    changed = []
    for key, tally in tallies.items():
        project, seconds, dimension, start, value = key
        row = rows.get(key) or FlowRollup(
            project_id=project, seconds=seconds, dimension=dimension, start=start, value=value
        )
        for name, number in tally.sums.items():
            setattr(row, name, getattr(row, name) + number)
        for name, amount in tally.offsets.items():
            setattr(row, name, getattr(row, name) + amount)
        if seconds != EVER:
            for name, found in tally.histograms():
                setattr(row, name, histogram.merge([getattr(row, name), found]))
        row.pk = None
        changed.append(row)
    FlowRollup.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["project", "seconds", "dimension", "start", "value"],
        update_fields=[*SUMS, *OFFSETS, *HISTOGRAMS],
        batch_size=500,
    )
