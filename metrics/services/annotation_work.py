"""Working an annotation queue: taking an item for a lease, scoring it, leaving it to others.

The lease keeps two people from doing the same work at once. Losing it is a normal result: the item is shown with who
has it, or with the news that it is done.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.utils.translation import gettext as _

from agents.authentication import Caller
from agents.models import User
from agents.services import audit
from metrics.models import AnnotationItem, AnnotationQueue, AnnotationReview
from metrics.models.annotation import ItemState, ReviewState
from metrics.models.score import Source
from metrics.scoring import Draft
from metrics.services import scores
from metrics.services.annotation_queues import asked

LEASE = timedelta(minutes=10)


class NotAsked(PermissionError):
    """This queue does not ask this person."""


@dataclass(frozen=True, slots=True)
class Held:
    """Somebody else is at the item: a normal result."""

    name: str
    until: datetime

    @property
    def sentence(self) -> str:
        """What happened, for whoever came too late."""
        return _("%(name)s is scoring this.") % {"name": self.name}


@dataclass(frozen=True, slots=True)
class AlreadyDone:
    """Nothing is left to do at the item for this person."""

    @property
    def sentence(self) -> str:
        """What happened, for whoever came too late."""
        return _("This is done already.")


@dataclass(frozen=True, slots=True)
class Taken:
    """The person holds the item until then."""

    until: datetime


@transaction.atomic
def take_next(*, queue: AnnotationQueue, by: User, now: datetime) -> AnnotationItem | None:
    """The item that a person is at already, else one that was given to them, else the oldest free one; now theirs.

    None when nothing is left for them. Raises NotAsked.
    """
    _check_asked(queue, by)
    open_to = _open_to(queue, by)
    mine = open_to.filter(locked_by=by, locked_until__gt=now).order_by("pk")
    free = open_to.filter(_free(by, now))
    for rows in (mine, free.filter(assigned_to=by).order_by("pk"), free.filter(assigned_to=None).order_by("pk")):
        # Whoever asks at the same moment gets the next one instead of waiting for this one.
        item = rows.select_for_update(skip_locked=True, of=("self",)).first()
        if item is not None:
            AnnotationItem.objects.filter(pk=item.pk).update(locked_by=by, locked_until=now + LEASE)
            return item
    return None


@transaction.atomic
def take(*, item: AnnotationItem, by: User, now: datetime) -> Taken | Held | AlreadyDone:
    """Takes one item for a lease, or a new lease of what one has. Raises NotAsked."""
    _check_asked(item.queue, by)
    free = AnnotationItem.objects.filter(_free(by, now), pk=item.pk, state=ItemState.WAITING)
    if free.exclude(_reviewed(by)).update(locked_by=by, locked_until=now + LEASE):
        return Taken(now + LEASE)
    return _why_not(item, by, now)


@transaction.atomic
def submit(*, item: AnnotationItem, drafts: Sequence[Draft], by: User, now: datetime) -> Taken | Held | AlreadyDone:
    """Stores a person's scores of an item, which is done when enough people have.

    A lease that ran out does no harm while nobody else has taken the item. Raises NotAsked, and Misfits as
    `scores.record` does.
    """
    _check_asked(item.queue, by)
    if not _settle(item, by, ReviewState.DONE, now):
        return _why_not(item, by, now)
    scores.record(project=item.queue.project, drafts=drafts, source=Source.HUMAN, by=by, now=now)
    detail = {"item": item.pk, "trace": bytes(item.trace_id).hex(), "scores": [draft.name for draft in drafts]}
    _record(item.queue, by, "annotation_item.scored", detail, now)
    return Taken(now)


@transaction.atomic
def skip(*, item: AnnotationItem, by: User, now: datetime) -> Taken | Held | AlreadyDone:
    """Leaves an item to others: it does not come back to this person by itself. Raises NotAsked."""
    _check_asked(item.queue, by)
    if not _settle(item, by, ReviewState.SKIPPED, now):
        return _why_not(item, by, now)
    detail = {"item": item.pk, "trace": bytes(item.trace_id).hex()}
    _record(item.queue, by, "annotation_item.skipped", detail, now)
    return Taken(now)


def release(*, item: AnnotationItem, by: User) -> bool:
    """Gives an item up that one holds; False when one does not."""
    held = AnnotationItem.objects.filter(pk=item.pk, locked_by=by)
    return bool(held.update(locked_by=None, locked_until=None))


def _settle(item: AnnotationItem, by: User, state: ReviewState, now: datetime) -> bool:
    """Writes down that a person is through with an item; False when it is not theirs to settle any more.

    One compare-and-swap: of two people who come at once one has the item, and it never counts anybody twice. Locked
    first: behind a lock a statement sees the item as it is then, but reviews as they were when it began.
    """
    AnnotationItem.objects.select_for_update().filter(pk=item.pk).first()
    free = AnnotationItem.objects.filter(_free(by, now), pk=item.pk, state=ItemState.WAITING)
    done = state == ReviewState.DONE
    enough = Q(done_count__gte=item.queue.reviewers - 1) if done else Q(pk__isnull=True)
    won = free.exclude(_reviewed(by)).update(
        done_count=F("done_count") + int(done),
        state=Case(When(enough, then=Value(ItemState.DONE)), default=F("state")),
        done_at=Case(When(enough, then=Value(now)), default=F("done_at")),
        locked_by=None,
        locked_until=None,
    )
    if won:
        defaults = {"state": state, "at": now}
        AnnotationReview.objects.update_or_create(item=item, user=by, defaults=defaults)
    return bool(won)


def _open_to(queue: AnnotationQueue, person: User) -> QuerySet[AnnotationItem]:
    """What waits in the queue and this person has neither scored nor left to others."""
    looked = AnnotationReview.objects.filter(item=OuterRef("pk"), user=person)
    return AnnotationItem.objects.filter(~Exists(looked), queue=queue, state=ItemState.WAITING)


def _reviewed(person: User) -> Q:
    scored = AnnotationReview.objects.filter(item=OuterRef("pk"), user=person, state=ReviewState.DONE)
    return Q(Exists(scored))


def _free(person: User, now: datetime) -> Q:
    return Q(locked_until=None) | Q(locked_until__lte=now) | Q(locked_by=person)


def _why_not(item: AnnotationItem, by: User, now: datetime) -> Held | AlreadyDone:
    row = AnnotationItem.objects.select_related("locked_by").get(pk=item.pk)
    held = row.locked_until is not None and row.locked_until > now and row.locked_by_id != by.pk
    if row.state == ItemState.WAITING and held and row.locked_by and row.locked_until:
        return Held(row.locked_by.display_name, row.locked_until)
    return AlreadyDone()


def _check_asked(queue: AnnotationQueue, person: User) -> None:
    if not asked(queue, person):
        raise NotAsked


def _record(queue: AnnotationQueue, by: User, action: str, detail: dict[str, object], now: datetime) -> None:
    audit.record(
        project=queue.project,
        by=Caller(user=by),
        action=action,
        target=f"annotation queue {queue.pk}",
        detail=detail,
        now=now,
    )
