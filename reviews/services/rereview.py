"""Judging once more: which decided actions are drawn, who takes one, and what they say. No request changes by it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from agents.authentication import Caller
from agents.models import Project, Team
from agents.services import audit
from reviews.flow import Vote
from reviews.models import ApprovalItem, Decision, QualitySettings, Rereview, RereviewAnswer
from reviews.selectors.rereview import first_verdict, held_by, is_asked, quality_settings, waiting_for
from reviews.services import feedback_labels, ratings

Kind = Rereview.Kind
Status = RereviewAnswer.Status

LEASE = timedelta(minutes=30)
OPEN_MAX = 1_000
"""So many drawn actions of a project wait at most; the oldest that nobody has answered lapse."""
WANTED_MAX = 5
NOTE_CHARS = 2_000
TRIES = 5
LOOKED_AT = 50


class InvalidJudgement(ValueError):
    """What somebody said does not fit the action. `errors` says what is wrong, by field."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{field}: {messages[0]}" for field, messages in errors.items()))
        self.errors = errors


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What somebody would decide. `note` says why, or of an edit what should be changed."""

    verdict: str
    labels: Sequence[str] = ()
    note: str = ""


@dataclass(frozen=True)
class Lot:
    """What chance gives to an action, always the same: whether it is drawn at a share, and its place in the list.

    Keyed with the server's secret, so that nobody can work out beforehand which of their decisions will be looked at.
    """

    chance: float
    place: int

    @classmethod
    def of(cls, approval_id: UUID, index: int) -> Lot:
        """The lot of one action of a request."""
        digest = hmac.new(settings.SECRET_KEY.encode(), f"rereview:{approval_id}:{index}".encode(), hashlib.sha256)
        number = digest.digest()
        chance = int.from_bytes(number[:8], "big") / 2**64
        return cls(chance, int.from_bytes(number[8:16], "big", signed=True))


def note_closed(*, votes: Mapping[UUID, Sequence[Vote]]) -> None:
    """Keeps what several said of the same, and draws: of requests that people have just decided, by their verdicts.

    In the transaction of whoever counts what has closed, which sees every request once. One query where nothing is
    to be kept.
    """
    several = [key for key, given in votes.items() if len({vote.reviewer for vote in given}) > 1]
    ratings.note_votes(approval_ids=several)
    draw(approval_ids=list(votes))


def draw(*, approval_ids: Sequence[UUID]) -> int:
    """Draws from the decided actions of some requests as their projects want it; returns how many."""
    by_person = Decision.objects.standing().filter(item=OuterRef("pk"), reviewer__isnull=False)
    items = ApprovalItem.objects.filter(
        Exists(by_person), approval__in=approval_ids, approval__project__quality_settings__share__gt=0
    )
    wants = ("approval__project__quality_settings__share", "approval__project__quality_settings__wanted")
    known = ("pk", "index", "approval_id", "approval__project_id", "approval__closed_at", *wants)
    made = []
    for item, index, approval_id, project_id, at, share, wanted in items.values_list(*known) if approval_ids else ():
        lot = Lot.of(approval_id, index)
        if lot.chance < share:
            drawn = Rereview(project_id=project_id, item_id=item, kind=Kind.SAMPLE, place=lot.place, made_at=at)
            drawn.wanted = wanted
            made.append(drawn)
    Rereview.objects.bulk_create(made, ignore_conflicts=True)
    for project_id in sorted({one.project_id for one in made}):
        _lapse(project_id, max(one.made_at for one in made if one.project_id == project_id))
    return len(made)


def _lapse(project_id: int, now: datetime) -> None:
    """Lets go of the oldest that were drawn beyond OPEN_MAX, but for those that somebody has answered or is at."""
    rows = Rereview.objects.open().filter(project=project_id, kind=Kind.SAMPLE).order_by("-made_at", "-id")
    beyond = list(rows.values_list("pk", flat=True)[OPEN_MAX : 2 * OPEN_MAX])
    at_work = Exists(RereviewAnswer.objects.filter(rereview=OuterRef("pk")).exclude(status=Status.SKIPPED))
    Rereview.objects.open().filter(~at_work, pk__in=beyond).update(closed_at=now)


@transaction.atomic
def take(*, project: Project, by: Caller, now: datetime) -> RereviewAnswer | None:
    """Gives a person something to judge, for LEASE theirs: what they are at, else the next; None when all is done."""
    assert by.user is not None
    held = held_by(project, by.user, now=now)
    if held is not None:
        return held
    if not is_asked(project, by.user):
        return None
    waiting = waiting_for(project, by.user, now=now)
    for _attempt in range(TRIES):
        # Locked by its key alone: Postgres locks no groups, and counts of other rows are stale behind a lock.
        keys = list(waiting.values_list("pk", flat=True)[:LOOKED_AT])
        row = Rereview.objects.select_for_update(skip_locked=True).filter(pk__in=keys).order_by("place").first()
        if row is None:
            return None
        if waiting.filter(pk=row.pk).exists():
            fields = {"status": Status.HELD, "leased_until": now + LEASE, "project": project, "kind": row.kind}
            mine, _made = RereviewAnswer.objects.update_or_create(rereview=row, reviewer=by.user, defaults=fields)
            return mine
    return None


@transaction.atomic
def answer(*, rereview: Rereview, by: Caller, judgement: Judgement, now: datetime) -> RereviewAnswer | None:
    """Keeps what a person says of what they have taken; None when it is no longer theirs to say.

    That is so when they have answered or passed it over before, when it has been closed, or when their lease has run
    out and others are enough. Raises InvalidJudgement.
    """
    assert by.user is not None
    _check(rereview, judgement)
    row = Rereview.objects.select_for_update().get(pk=rereview.pk)
    mine = row.answers.filter(reviewer=by.user, status=Status.HELD).first()
    if mine is None or row.closed_at is not None or not _has_room(row, mine, now):
        return None
    first = first_verdict(row.item_id)
    right = row.known if row.kind == Kind.SEED else first.verdict if first else ""
    mine.status, mine.leased_until, mine.answered_at = Status.ANSWERED, None, now
    mine.verdict, mine.note = judgement.verdict, judgement.note.strip()
    mine.labels = feedback_labels.given(judgement.labels)
    mine.agrees = judgement.verdict == right if right else None
    mine.save()
    row.answered += 1
    row.closed_at = now if row.wanted and row.answered >= row.wanted else None
    row.save(update_fields=["answered", "closed_at"])
    if first is not None and row.kind == Kind.SAMPLE:
        ratings.note_blind(item=rereview.item, first=first, answer=mine)
    target = f"rereview {row.pk}"
    audit.record(project=rereview.project, by=by, action="quality.answered", target=target, detail={}, now=now)
    return mine


def _has_room(row: Rereview, mine: RereviewAnswer, now: datetime) -> bool:
    if row.wanted == 0 or (mine.leased_until is not None and mine.leased_until > now):
        return True
    return row.answered + row.answers.held(now).count() < row.wanted


def _check(rereview: Rereview, judgement: Judgement) -> None:
    item = rereview.item
    errors: dict[str, list[str]] = {}
    if judgement.verdict not in item.allowed_decisions:
        allowed = ", ".join(item.allowed_decisions)
        errors["verdict"] = [_("This request allows only: %(allowed)s.") % {"allowed": allowed}]
    if len(judgement.note) > NOTE_CHARS:
        errors["note"] = [_("At most %(max)d characters.") % {"max": NOTE_CHARS}]
    wrong = feedback_labels.faults(rereview.project, feedback_labels.given(judgement.labels), item=item)
    if wrong:
        errors["labels"] = wrong
    if errors:
        raise InvalidJudgement(errors)


def skip(*, rereview: Rereview, by: Caller, now: datetime) -> bool:
    """Passes by what a person has taken, for good; False when they had not."""
    rows = RereviewAnswer.objects.filter(rereview=rereview, reviewer=by.user, status=Status.HELD)
    with transaction.atomic():
        done = rows.update(status=Status.SKIPPED, leased_until=None)
        if done:
            target = f"rereview {rereview.pk}"
            audit.record(project=rereview.project, by=by, action="quality.skipped", target=target, detail={}, now=now)
    return bool(done)


@transaction.atomic
def save_settings(
    *, project: Project, share: float, wanted: int, team: Team | None, by: Caller, now: datetime
) -> QualitySettings:
    """Chooses what is drawn from now on; what has been drawn already stays."""
    QualitySettings.objects.get_or_create(project=project)
    row = QualitySettings.objects.select_for_update().get(project=project)
    before = _told(quality_settings(project))
    row.share, row.wanted, row.team = share, wanted, team
    row.full_clean()
    row.save()
    after = _told(row)
    changed = {name: {"from": before[name], "to": after[name]} for name in after if before[name] != after[name]}
    if changed:
        target = f"project {project.slug}"
        audit.record(project=project, by=by, action="quality.settings", target=target, detail=changed, now=now)
    return row


def _told(row: QualitySettings) -> dict[str, object]:
    return {"share": row.share, "wanted": row.wanted, "team": row.team.slug if row.team else None}
