"""Annotation queues with how far they are, their items page by page, and who has done what."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import connection
from django.db.models import Exists, OuterRef, Prefetch, Q
from django.db.models.functions import Lower

from agents.models import Membership, TeamMember, User
from agents.permissions import Permission
from console.lib.sql import load
from metrics.models import AnnotationItem, AnnotationQueue, AnnotationReview, Score, Trace
from metrics.models.annotation import ItemState, ReviewState
from metrics.models.score import Source

# Counted up to here: nobody needs to know more exactly how much there is to do.
MOST_COUNTED = 10_000
# Who has done what is told of so many of the newest items.
NEWEST_ITEMS = 1_000


@dataclass(frozen=True, slots=True)
class Progress:
    """How many items wait and are done, each counted up to MOST_COUNTED."""

    waiting: int = 0
    done: int = 0

    @property
    def total(self) -> int:
        """All that was counted."""
        return self.waiting + self.done


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A queue of a list."""

    queue: AnnotationQueue
    progress: Progress


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item of a list; `trace` is None once it has expired."""

    item: AnnotationItem
    trace: Trace | None
    reviews: list[AnnotationReview] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PersonRow:
    """What one person has done with the newest items."""

    person: User
    done: int
    skipped: int


def queues(project_id: int) -> list[QueueRow]:
    """The project's open queues, alphabetically. Three queries."""
    found = AnnotationQueue.objects.open().filter(project_id=project_id).select_related("team")
    listed = list(found.prefetch_related("configs").order_by(Lower("name")))
    known = progress([queue.pk for queue in listed])
    return [QueueRow(queue, known[queue.pk]) for queue in listed]


def offered(project_id: int) -> list[AnnotationQueue]:
    """The project's open queues, alphabetically: what a trace can be added to."""
    return list(AnnotationQueue.objects.open().filter(project_id=project_id).order_by(Lower("name")))


def progress(queue_ids: Sequence[int]) -> dict[int, Progress]:
    """How far each queue is. One query, that reads at most twice MOST_COUNTED index rows of each."""
    with connection.cursor() as cursor:
        cursor.execute(load("metrics", "annotation_progress"), {"queues": list(queue_ids), "most": MOST_COUNTED})
        return {pk: Progress(waiting, max(total - waiting, 0)) for pk, waiting, total in cursor.fetchall()}


def items(
    queue: AnnotationQueue, *, state: str = "", before: int | None = None, limit: int
) -> tuple[list[ItemRow], int | None]:
    """One page of a queue's items, newest first, and where the next one begins. Three queries."""
    found = AnnotationItem.objects.filter(queue=queue)
    if state:
        found = found.filter(state=state)
    if before is not None:
        found = found.filter(pk__lt=before)
    reviews = Prefetch("reviews", AnnotationReview.objects.select_related("user").order_by("at"))
    found = found.select_related("assigned_to", "locked_by").prefetch_related(reviews).order_by("-pk")
    listed = list(found[: limit + 1])
    shown = listed[:limit]
    ids = {bytes(item.trace_id) for item in shown}
    known = Trace.objects.filter(project_id=queue.project_id, trace_id__in=ids)
    by_id = {bytes(trace.trace_id): trace for trace in known}
    rows = [ItemRow(item, by_id.get(bytes(item.trace_id)), list(item.reviews.all())) for item in shown]
    return rows, shown[-1].pk if len(listed) > limit else None


def people(queue: AnnotationQueue) -> list[PersonRow]:
    """Who has done what with the newest items of a queue, most first. Two queries."""
    newest = AnnotationItem.objects.filter(queue=queue).order_by("-pk").values("pk")[:NEWEST_ITEMS]
    rows = AnnotationReview.objects.filter(item__in=list(newest.values_list("pk", flat=True))).select_related("user")
    counts: Counter[tuple[int, str]] = Counter()
    known: dict[int, User] = {}
    for row in rows:
        counts[row.user_id, row.state] += 1
        known[row.user_id] = row.user
    found = [PersonRow(user, counts[pk, "done"], counts[pk, "skipped"]) for pk, user in known.items()]
    return sorted(found, key=lambda row: (-row.done, row.person.display_name))


def askable(queue: AnnotationQueue) -> list[User]:
    """The people whom a queue asks, by name."""
    members = Membership.objects.with_permission(Permission.SCORE_CREATE).filter(project_id=queue.project_id)
    if queue.team_id is not None:
        of_team = TeamMember.objects.filter(team_id=queue.team_id).values("membership")
        members = members.filter(pk__in=of_team)
    return sorted((row.user for row in members.select_related("user")), key=lambda user: user.display_name.lower())


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The scores that a person is still asked for, by lower-case name, of a trace with its spans or of one span."""

    person_id: int
    names: dict[bytes | None, frozenset[str]]

    def covers(self, score: Score) -> bool:
        """Whether seeing this score would tell what somebody else has answered."""
        if score.source != Source.HUMAN or score.author_user_id == self.person_id:
            return False
        span = bytes(score.span_id) if score.span_id else None
        asked = self.names.get(None, frozenset()) | self.names.get(span, frozenset())
        return score.name.lower() in asked


def unanswered(project_id: int, trace_id: bytes, person: User) -> Unanswered:
    """What open queues still ask this person about a trace and its spans. Two queries, one where nothing is asked."""
    answered = AnnotationReview.objects.filter(item=OuterRef("pk"), user=person, state=ReviewState.DONE)
    of_team = TeamMember.objects.filter(membership__user=person).values("team")
    asked = AnnotationItem.objects.filter(
        Q(queue__team=None) | Q(queue__team__in=of_team),
        ~Exists(answered),
        queue__in=AnnotationQueue.objects.open().filter(project_id=project_id),
        trace_id=trace_id,
        state=ItemState.WAITING,
    )
    names: dict[bytes | None, frozenset[str]] = {}
    for item in asked.select_related("queue").prefetch_related("queue__configs"):
        span = bytes(item.span_id) if item.span_id else None
        wanted = (config.name.lower() for config in item.queue.configs.all() if config.archived_at is None)
        names[span] = names.get(span, frozenset()).union(wanted)
    return Unanswered(person.pk, names)
