"""The quality of labels: how far reviewers agree, whether they know the answers of seeds, and whether they drift.

Of the last WEEKS weeks (UTC, the present one among them). Figures of agreement are made of rows that were written when
people judged, at most ITEMS_MAX of the latest; shares of approvals of the daily counts of the queue's flow. No request
and no decision is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from django.db.models import Count as Rows
from django.db.models import F, Q, Sum
from django.db.models.functions import TruncWeek

from agents.models import Project
from reviews.drift import WEEKS, Count, Drift, drift, total
from reviews.flow import DAY
from reviews.models import Dimension, FlowRollup, RatedItem, Rereview, RereviewAnswer
from reviews.rated import WEEK, Agreement, Pair, Rated, agreed_by_week, agreement, by_action, pairs

ITEMS_MAX = 5_000
REVIEWERS_MAX = 50
SEEDS_SHOWN = 200
Source = RatedItem.Source


@dataclass(frozen=True)
class Window:
    """Whole weeks from a Monday (UTC) on, until now."""

    start: datetime
    until: datetime

    @classmethod
    def at(cls, now: datetime) -> Window:
        """The last WEEKS weeks, the present one among them."""
        day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return cls(day - timedelta(days=day.weekday()) - (WEEKS - 1) * WEEK, now)

    @property
    def first_day(self) -> date:
        """The first Monday in UTC, as a date: a page would show its midnight in the reader's zone."""
        return self.start.date()

    @property
    def weeks(self) -> list[datetime]:
        """The Mondays."""
        return [self.start + place * WEEK for place in range(WEEKS)]


@dataclass(frozen=True)
class Reviewer:
    """One person: what they approved and how often they agreed, week by week; right answers to seeds."""

    key: int
    approvals: list[Count]
    agreed: list[Count]
    approval_drift: Drift
    agreement_drift: Drift
    seeds: Count

    @property
    def decided(self) -> Count:
        """Approved, of all that they decided in the window."""
        return total(self.approvals)

    @property
    def agreement(self) -> Count:
        """Agreed with the others, of what they judged with others without knowing their verdicts."""
        return total(self.agreed)

    @property
    def drifts(self) -> bool:
        return self.approval_drift.is_drift or self.agreement_drift.is_drift


@dataclass(frozen=True)
class Report:
    """Everything that the page and the API tell. `capped`: there were more actions than are read."""

    window: Window
    source: str
    overall: Agreement
    actions: list[tuple[str, Agreement]]
    more_actions: int
    pairs: list[Pair]
    more_pairs: int
    capped: bool
    comparisons: int
    reviewers: list[Reviewer] = field(default_factory=list)
    more_reviewers: int = 0
    seeds: Count = field(default_factory=Count)

    @property
    def people(self) -> set[int]:
        """Everybody who is named in it."""
        return {one.key for one in self.reviewers} | {key for pair in self.pairs for key in (pair.one, pair.other)}


def report(project: Project, *, now: datetime, source: str = Source.BLIND, only: int | None = None) -> Report:
    """The figures of a project. `only` leaves those of one person among the figures of people.

    Four queries at most, whatever the number of requests, people and ratings.
    """
    window = Window.at(now)
    blind = rated_items(project, window, Source.BLIND)
    items = blind if source == Source.BLIND else rated_items(project, window, source)
    actions, more_actions = by_action(items[:ITEMS_MAX])
    found, more_pairs = pairs(items[:ITEMS_MAX], of=only)
    people, comparisons = _reviewers(project, window, blind[:ITEMS_MAX])
    shown = [one for one in people if only in (None, one.key)]
    return Report(
        window=window,
        source=source,
        overall=agreement(items[:ITEMS_MAX]),
        actions=actions,
        more_actions=more_actions,
        pairs=found,
        more_pairs=more_pairs,
        capped=len(items) > ITEMS_MAX,
        comparisons=comparisons,
        reviewers=shown[:REVIEWERS_MAX],
        more_reviewers=len(shown[REVIEWERS_MAX:]),
        seeds=total(one.seeds for one in people),
    )


def rated_items(project: Project, window: Window, source: str) -> list[Rated]:
    """What several people judged in a window, the latest first, at most ITEMS_MAX and one."""
    rows = RatedItem.objects.filter(project=project, source=source, rated_at__gte=window.start)
    read = rows.order_by("-rated_at", "id").values_list("action", "ratings")[: ITEMS_MAX + 1]
    return [Rated.read(action, ratings) for action, ratings in read]


def _reviewers(project: Project, window: Window, blind: Sequence[Rated]) -> tuple[list[Reviewer], int]:
    """Everybody who decided or judged once more, those with most decisions first, and how many comparisons are made."""
    approvals, seeds = _approvals(project, window), _seeds(project, window)
    agreed, beside = agreed_by_week(blind, start=window.start)
    whole = [sum((weeks[place] for weeks in approvals.values()), Count()) for place in range(WEEKS)]
    none = [Count()] * WEEKS
    people = sorted({*approvals, *agreed, *seeds}, key=lambda key: (-total(approvals.get(key, none)).whole, key))
    comparisons = len(approvals) + len(agreed)
    found = []
    for key in people:
        own = approvals.get(key, none)
        rest = [everything - mine for everything, mine in zip(whole, own, strict=True)]
        one = Reviewer(
            key=key,
            approvals=own,
            agreed=agreed.get(key, none),
            approval_drift=drift(own, rest, comparisons=comparisons),
            agreement_drift=drift(agreed.get(key, none), beside.get(key, none), comparisons=comparisons),
            seeds=seeds.get(key, Count()),
        )
        found.append(one)
    return found, comparisons


def _approvals(project: Project, window: Window) -> dict[int, list[Count]]:
    """How many of their decisions each person approved, as proposed or edited, week by week."""
    rows = FlowRollup.objects.filter(
        project=project, seconds=DAY, dimension=Dimension.REVIEWER, start__gte=window.start, start__lte=window.until
    )
    granted = F("approved") + F("edited")
    by_week = rows.values("value", week=TruncWeek("start", tzinfo=UTC)).annotate(
        granted=Sum(granted), decided=Sum(granted + F("rejected") + F("answered"))
    )
    found: dict[int, list[Count]] = {}
    for row in by_week.values_list("value", "week", "granted", "decided"):
        value, week, part, whole = row
        place = (week - window.start) // WEEK
        if value.isdecimal() and 0 <= place < WEEKS:
            found.setdefault(int(value), [Count()] * WEEKS)[place] += Count(part, whole)
    return found


def _seeds(project: Project, window: Window) -> dict[int, Count]:
    """How many of the seeds that each person answered they got right."""
    rows = RereviewAnswer.objects.given().filter(
        project=project, kind=Rereview.Kind.SEED, answered_at__gte=window.start, answered_at__lte=window.until
    )
    counted = rows.values("reviewer").annotate(right=Rows("pk", filter=Q(agrees=True)), answered=Rows("pk"))
    return {row["reviewer"]: Count(row["right"], row["answered"]) for row in counted}


@dataclass(frozen=True)
class Seed:
    """A seed for those who look after them: how many answered it, and how many of them as its planter did."""

    row: Rereview
    answers: Count


def seeds_of(project: Project, *, retired: bool) -> list[Seed]:
    """A project's seeds, the newest first: those that are asked, or the latest that are not any more. Two queries."""
    rows = Rereview.objects.filter(project=project, kind=Rereview.Kind.SEED, closed_at__isnull=not retired)
    found = list(rows.select_related("item__approval").order_by("-made_at", "-id")[:SEEDS_SHOWN])
    counted = (
        RereviewAnswer.objects.given()
        .filter(rereview__in=[row.pk for row in found])
        .values("rereview")
        .annotate(right=Rows("pk", filter=Q(agrees=True)), answered=Rows("pk"))
    )
    counts = {row["rereview"]: Count(row["right"], row["answered"]) for row in counted}
    return [Seed(row, counts.get(row.pk, Count())) for row in found]
