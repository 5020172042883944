"""The list at the left of the queue: which requests the address asks for, and how to get from one to the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from django.core.exceptions import BadRequest
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from agents.models import Project, Team
from agents.rosters import recent_roster_of
from agents.views.person import person
from console.lib import clock
from console.lib.http import Problem
from reviews.addresses import page_of
from reviews.models import Approval
from reviews.models.approval import RISK_LEVELS
from reviews.selectors.queue import QueueCounts, QueueFilter, batches_among, queue_choices, queue_counts, queue_page
from reviews.selectors.records import record_choices, records_page, waiting_behind
from reviews.services.deciders import not_asked
from reviews.views.people import Hold, hold_of

PAGE_ROWS = 50
STATUSES = ("waiting", "decided", "all")
LEVELS = tuple(level for level, _label in reversed(RISK_LEVELS))
WHOSE = ("mine", "assigned", "held")
FILTER_CHARS = 200
KINDS_SHOWN = 4


@dataclass(frozen=True)
class Wish:
    """What the address of the queue asks for. Unknown values count as not given."""

    status: str
    filters: QueueFilter
    cursor: str

    @cached_property
    def query(self) -> str:
        """The filters as a query string with its question mark, empty when there are none."""
        values = {name: getattr(self.filters, name) for name in ("whose", "team", "risk", "action", "agent")}
        if self.status != STATUSES[0]:
            values["status"] = self.status
        given = QueryDict(mutable=True)
        given.update({name: value for name, value in values.items() if value})
        return f"?{given.urlencode()}" if given else ""

    @property
    def narrows(self) -> bool:
        """Whether anything but the status is filtered."""
        return self.filters.narrows


@dataclass(frozen=True)
class Row:
    """One request in the list, and who holds it."""

    approval: Approval
    hold: Hold | None
    path: str
    query: str
    """That of the list, so that one comes back to it."""
    is_others: bool
    """Whether there is nothing left for the viewer to decide: others have to."""
    batch: Mapping[str, int]
    """Of a request for several actions: how often each of them occurs; else empty."""

    @property
    def size(self) -> int:
        """How many actions a batch has."""
        return sum(self.batch.values())

    @property
    def kinds(self) -> str:
        """The actions of a batch in short: `send_mail ×2, refund`."""
        named = [f"{name} \u00d7{times}" if times > 1 else name for name, times in self.batch.items()]
        return ", ".join(named[:KINDS_SHOWN]) + (", \u2026" if len(named) > KINDS_SHOWN else "")

    @property
    def is_alike(self) -> bool:
        """Whether it can be decided together with others of the same action."""
        free = not self.is_others and not self.batch and (self.hold is None or self.hold.mine)
        return free and self.approval.risk_level == "low" and not self.approval.in_doubt

    @property
    def url(self) -> str:
        """The request beside the list."""
        return self.path + self.query

    @property
    def item_url(self) -> str:
        """The request alone."""
        return f"{self.path}item/{self.query}"


@dataclass(frozen=True)
class Alike:
    """Requests for one action that can be decided at once: how many of the list, and the query string of that page."""

    action: str
    count: int
    query: str


@dataclass(frozen=True)
class Listing:
    """One page of the list, and what its filters offer."""

    wish: Wish
    entries: list[Row]
    next_cursor: str | None
    counts: QueueCounts
    actions: list[str]
    agents: list[str]
    teams: list[Team]
    levels: tuple[str, ...] = LEVELS
    whose: tuple[str, ...] = WHOSE

    @property
    def rows(self) -> list[Approval]:
        """The requests themselves."""
        return [entry.approval for entry in self.entries]

    @cached_property
    def alike(self) -> list[Alike]:
        """The actions of which several rows can be decided at once by the viewer, the most frequent first."""
        mine = [row for row in self.entries if row.is_alike] if self.wish.status == STATUSES[0] else []
        counted = Counter(row.approval.action for row in mine)
        return [
            Alike(action, count, replace(self.wish, filters=replace(self.wish.filters, action=action)).query)
            for action, count in counted.most_common()
            if count > 1
        ]

    @property
    def next_query(self) -> str:
        """The query string of the page after this one; empty on the last page."""
        if self.next_cursor is None:
            return ""
        return f"{self.wish.query or '?'}{'&' if self.wish.query else ''}cursor={self.next_cursor}"


def wish_of(request: HttpRequest) -> Wish:
    """Reads the address."""
    query = request.GET
    status, risk, whose = query.get("status", ""), query.get("risk", ""), query.get("whose", "")
    return Wish(
        status=status if status in STATUSES else STATUSES[0],
        filters=QueueFilter(
            risk=risk if risk in LEVELS else "",
            action=_clean(query.get("action", "")),
            agent=_clean(query.get("agent", "")),
            team=_clean(query.get("team", "")),
            whose=whose if whose in WHOSE else "",
            viewer_id=person(request).pk,
            stood_in_for=_stood_in_for(request) if whose in WHOSE else frozenset(),
        ),
        cursor=query.get("cursor", ""),
    )


def _stood_in_for(request: HttpRequest) -> frozenset[int]:
    """For whom the viewer stands in now, in the project of the page."""
    project: Project = request.project  # type: ignore[attr-defined]
    return recent_roster_of(project.pk, now=clock.now()).stood_in_for(person(request).pk)


def listing_of(project: Project, wish: Wish, *, now: datetime) -> Listing:
    """The rows that the address asks for. Raises BadRequest on a damaged cursor."""
    waiting = wish.status == "waiting"
    try:
        if waiting:
            page = queue_page(project, now=now, filters=wish.filters, cursor=wish.cursor or None, size=PAGE_ROWS)
        else:
            page = records_page(
                project,
                now=now,
                decided=wish.status == "decided",
                filters=wish.filters,
                cursor=wish.cursor or None,
                size=PAGE_ROWS,
            )
    except Problem as problem:
        raise BadRequest(problem.detail) from None
    viewer, others = wish.filters.viewer_id, not_asked([row for row in page.rows if row.is_open], now=now)
    batches = batches_among(page.rows)
    choices = queue_choices(project, now=now) if waiting else record_choices(project)
    return Listing(
        wish=wish,
        entries=[
            Row(
                approval=row,
                hold=hold_of(row, viewer, now=now),
                path=page_of(project.slug, row.pk),
                query=wish.query,
                is_others=viewer in others.get(row.pk, ()),
                batch=batches.get(row.pk, {}),
            )
            for row in page.rows
        ],
        next_cursor=page.next_cursor,
        counts=queue_counts(project, now=now),
        actions=_with(choices["action"], wish.filters.action),
        agents=_with(choices["agent"], wish.filters.agent),
        teams=list(project.teams.open().order_by("name")),
    )


def next_for_viewer(project: Project, wish: Wish, *, after: Approval, now: datetime) -> Approval | None:
    """What comes behind a request in the queue and waits for the viewer, else the first one; None when nothing does."""
    rows = waiting_behind(project, after=after, filters=wish.filters, now=now, size=PAGE_ROWS)
    others = not_asked(rows, now=now)
    return next((row for row in rows if wish.filters.viewer_id not in others[row.pk]), None)


def queue_url(project: Project, wish: Wish) -> str:
    """The address of the list."""
    return reverse("reviews:queue", kwargs={"project": project.slug}) + wish.query


def approval_url(approval: Approval, project: Project, wish: Wish, *, item: int | None = None) -> str:
    """The address of one request beside the list, and of a batch of one of its actions."""
    url = page_of(project.slug, approval.pk) + wish.query
    return url if item is None else f"{url}{'&' if wish.query else '?'}item={item}"


def _clean(text: str) -> str:
    return text[:FILTER_CHARS].replace("\x00", "")


def _with(choices: list[str], chosen: str) -> list[str]:
    """What is chosen stays in the list, also when nothing has it any more."""
    return choices if not chosen or chosen in choices else [chosen, *choices]
