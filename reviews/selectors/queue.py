"""What waits for a decision, in the order in which it should be decided, and everything about one request."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.db import connection
from django.db.models import Count, Min, Q

from agents.models import Project, TeamMember
from console.lib.http import Problem, decode_cursor, encode_cursor
from reviews import states
from reviews.models import Approval, ApprovalEvent, ApprovalItem, Decision
from reviews.models.approval import ApprovalQuerySet
from reviews.selectors.precedents import Precedents, similar

COUNT_CAP = 100
"""A badge says 99+ from here on: counting further would cost more than it tells."""

COUNTED = 2_000
"""So many of a queue are looked at to say what is in it: nobody reads on, and pages take as long however many wait."""

# The most urgent come from the index of the queue, the oldest from that of statuses.
COUNTS = """
    SELECT risk_level, count(*), (
               SELECT min(first.requested_at)
                 FROM unnest(%(waiting)s::text[]) AS waiting (status), LATERAL (
                          SELECT requested_at
                            FROM reviews_approval AS oldest
                           WHERE oldest.project_id = %(project)s AND oldest.status = waiting.status
                             AND oldest.expires_at > %(now)s
                           ORDER BY requested_at
                           LIMIT 1) AS first)
      FROM (SELECT risk_level
              FROM reviews_approval
             WHERE project_id = %(project)s AND status = ANY(%(waiting)s) AND expires_at > %(now)s
             ORDER BY due_minute
             LIMIT %(counted)s) AS ahead
     GROUP BY risk_level
     ORDER BY risk_level
"""

ESTIMATE_FROM = 50
ESTIMATE_SEARCHED = 500
SESSION_ROWS = 10


@dataclass(frozen=True)
class QueueFilter:
    """What part of the queue to show; an empty text means no limit.

    `team` is a team's slug. `whose` is `held`, which the viewer has claimed; `assigned`, to the viewer by name; or
    `mine`, which adds what waits for one of the viewer's teams and is assigned to nobody. What is for somebody who is
    away is, meanwhile, for whoever stands in: `stood_in_for` are the ids of those for whom the viewer does.
    """

    risk: str = ""
    action: str = ""
    agent: str = ""
    team: str = ""
    whose: str = ""
    viewer_id: int = 0
    stood_in_for: frozenset[int] = frozenset()

    @property
    def narrows(self) -> bool:
        """Whether anything is left out."""
        return any((self.risk, self.action, self.agent, self.team, self.whose))

    def applied(self, rows: ApprovalQuerySet, *, now: datetime) -> ApprovalQuerySet:
        """The part of some requests that is asked for, as it is at `now`."""
        limits = {"risk_level": self.risk, "action": self.action, "agent": self.agent, "routed_to__slug": self.team}
        rows = rows.filter(**{column: value for column, value in limits.items() if value})
        if not self.whose:
            return rows
        if self.whose == "held":
            return rows.filter(claimed_by=self.viewer_id, claimed_until__gt=now)
        people = [self.viewer_id, *self.stood_in_for]
        whose = Q(assigned_to__in=people)
        if self.whose == "mine":
            teams = TeamMember.objects.filter(membership__user__in=people).values("team")
            whose |= Q(assigned_to__isnull=True, routed_to__in=teams)
        return rows.filter(whose)


@dataclass(frozen=True)
class QueuePage:
    """Some requests in the order of their list, and where to go on; `next_cursor` None at the end."""

    rows: list[Approval]
    next_cursor: str | None


@dataclass(frozen=True)
class QueueCounts:
    """How many requests wait, by risk level, and since when the oldest has."""

    waiting: int
    by_level: dict[str, int]
    oldest: datetime | None
    capped: bool = False
    """Whether there may be more than were counted."""


@dataclass(frozen=True)
class ApprovalDetail:
    """One request with all that a reviewer wants to know."""

    approval: Approval
    item: ApprovalItem
    decisions: list[Decision]
    timeline: list[ApprovalEvent]
    precedents: Precedents
    session: list[Approval]


def waiting_count(project: Project, *, now: datetime, cap: int = COUNT_CAP) -> int:
    """How many requests can still be decided in a project; `cap` when there are that many or more."""
    return _queue(project, now).order_by("due_minute")[:cap].count()


def queue_counts(project: Project, *, now: datetime) -> QueueCounts:
    """Counts over the queue, in one query that reads no more of a long one than COUNTED requests."""
    known: dict[str, Any] = {"project": project.pk, "waiting": sorted(states.WAITING), "now": now, "counted": COUNTED}
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, known)
        rows = cursor.fetchall()
    by_level = {level: number for level, number, _oldest in rows}
    waiting = sum(by_level.values())
    return QueueCounts(waiting, by_level, rows[0][2] if rows else None, capped=waiting >= COUNTED)


def queue_page(project: Project, *, now: datetime, filters: QueueFilter, cursor: str | None, size: int) -> QueuePage:
    """One page of the queue: soonest deadline first, of the same minute the riskiest first. 400 on a damaged cursor."""
    rows = filters.applied(_queue(project, now).with_people(), now=now)
    if cursor:
        rows = rows.filter(_behind(cursor))
    found = list(rows.by_urgency()[: size + 1])
    if len(found) <= size:
        return QueuePage(found, None)
    last = found[size - 1]
    return QueuePage(found[:size], encode_cursor([last.due_minute, repr(last.risk_score), str(last.pk)]))


def queue_choices(project: Project, *, now: datetime) -> dict[str, list[str]]:
    """The actions and agents that occur in the queue, of a long one in its first COUNTED requests, for its filters."""
    ahead = _queue(project, now).by_urgency().values_list("action", "agent")[:COUNTED]
    rows = set(ahead)
    names = ("action", "agent")
    return {name: sorted({row[place] for row in rows if row[place]}) for place, name in enumerate(names)}


def batches_among(rows: Collection[Approval]) -> dict[UUID, dict[str, int]]:
    """Of those requests that are for several actions: how often each action occurs, in the order of the first."""
    counted = ApprovalItem.objects.filter(approval_id__in=[row.pk for row in rows]).values("approval_id", "action")
    found: dict[UUID, dict[str, int]] = {}
    for key, action, times in (
        counted.annotate(times=Count("pk"), first=Min("index"))
        .order_by("first")
        .values_list("approval_id", "action", "times")
    ):
        found.setdefault(key, {})[action] = times
    return {key: actions for key, actions in found.items() if sum(actions.values()) > 1}


def detail(approval: Approval, *, item: ApprovalItem | None = None) -> ApprovalDetail:
    """Everything about a request, in a number of queries that does not depend on how much there is.

    Of a batch with the precedents of one item, by default the first. Wants the request read `with_parts`.
    """
    chosen = item or approval.item
    return ApprovalDetail(
        approval=approval,
        item=chosen,
        decisions=[decision for decision in approval.decisions.all() if decision.withdrawn_at is None],
        timeline=list(approval.events.all()),
        precedents=similar(approval=approval, item=chosen),
        session=earlier_in_session(approval),
    )


def earlier_in_session(approval: Approval) -> list[Approval]:
    """The requests that the same session made before, newest first; at most ten."""
    if not approval.session_id:
        return []
    rows = Approval.objects.of_project(approval.project).filter(
        session_id=approval.session_id, requested_at__lte=approval.requested_at
    )
    return list(rows.exclude(pk=approval.pk).newest_first()[:SESSION_ROWS])


WAIT = """
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM closed_at - requested_at))
      FROM (SELECT requested_at, closed_at
              FROM (SELECT requested_at, closed_at, decided_by_id
                      FROM reviews_approval
                     WHERE project_id = %(project)s AND status = ANY(%(decided)s)
                     ORDER BY closed_at DESC
                     LIMIT %(searched)s) AS latest
             WHERE decided_by_id IS NOT NULL
             ORDER BY closed_at DESC
             LIMIT %(counted)s) AS by_people
"""


def estimated_wait_seconds(project: Project) -> int | None:
    """The median wait of the last requests that people decided in the project; None when there are none.

    What rules and deadlines decide by themselves says nothing of it. Among very many of those nobody looks further.
    """
    known: dict[str, Any] = {"project": project.pk, "decided": sorted(states.DECIDED)}
    with connection.cursor() as cursor:
        cursor.execute(WAIT, known | {"searched": ESTIMATE_SEARCHED, "counted": ESTIMATE_FROM})
        median = cursor.fetchone()[0]
    return None if median is None else round(median)


def api_page(
    project: Project, *, now: datetime, filters: dict[str, str], cursor: str | None, size: int
) -> tuple[list[Approval], str | None]:
    """One page of all requests, newest first, with what the API shows of them, and the cursor of the next page.

    A `status` to filter by is the one at `now`: past its deadline a request is expired, whoever has noticed.
    """
    limits = dict(filters)
    status = limits.pop("status", "")
    rows = Approval.objects.of_project(project).filter(**limits)
    if status:
        rows = rows.in_status(states.Status(status), now)
    page = by_time(rows.with_parts(), "requested_at", cursor=cursor, size=size)
    return page.rows, page.next_cursor


def by_time(
    rows: ApprovalQuerySet, time: Literal["requested_at", "closed_at"], *, cursor: str | None, size: int
) -> QueuePage:
    """One page of some requests, the latest first by the time of that name. 400 on a damaged cursor."""
    if cursor:
        at, last_id = time_and_id(cursor)
        rows = rows.filter(Q(**{f"{time}__lt": at}) | Q(**{time: at}, pk__lt=last_id), **{f"{time}__lte": at})
    found = list(rows.order_by(f"-{time}", "-id")[: size + 1])
    if len(found) <= size:
        return QueuePage(found, None)
    last = found[size - 1]
    return QueuePage(found[:size], encode_cursor([getattr(last, time).isoformat(), str(last.pk)]))


def _queue(project: Project, now: datetime) -> ApprovalQuerySet:
    return Approval.objects.of_project(project).waiting().filter(expires_at__gt=now)


def _behind(cursor: str) -> Q:
    minute, score, last_id = decode_cursor(cursor, length=3)
    try:
        place: tuple[int, float, UUID] = (int(minute), float(score), UUID(last_id))
    except (TypeError, ValueError, AttributeError):
        raise damaged() from None
    same_minute = Q(risk_score__lt=place[1]) | Q(risk_score=place[1], pk__gt=place[2])
    return Q(due_minute__gte=place[0]) & (Q(due_minute__gt=place[0]) | (Q(due_minute=place[0]) & same_minute))


def time_and_id(cursor: str) -> tuple[datetime, UUID]:
    """The place that a cursor of a time and an id names; 400 on a damaged one."""
    values: list[Any] = decode_cursor(cursor, length=2)
    try:
        at, last_id = datetime.fromisoformat(values[0]), UUID(values[1])
    except (TypeError, ValueError, AttributeError):
        raise damaged() from None
    if at.tzinfo is None:
        raise damaged()
    return at, last_id


def damaged() -> Problem:
    """The refusal of a cursor that no page gave."""
    return Problem(400, "The cursor is not one of ours.", errors={"cursor": ["not a cursor of this list"]})
