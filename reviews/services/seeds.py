"""Seeds: closed requests of which a lead knows the answer, mixed into what people judge once more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from agents.authentication import Caller
from agents.models import Project
from agents.services import audit
from reviews.models import ApprovalItem, Rereview, RereviewAnswer
from reviews.services.rereview import Lot

EXPLANATION_CHARS = 2_000
SEEDS_MAX = 200
"""So many seeds of a project are asked at a time."""


class InvalidSeed(ValueError):
    """Why an action cannot be a seed. `errors` says what is wrong, by field."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{field}: {messages[0]}" for field, messages in errors.items()))
        self.errors = errors


@dataclass(frozen=True, kw_only=True)
class SeedDraft:
    """The right answer, and why it is right."""

    known: str
    explanation: str


@transaction.atomic
def plant(*, item: ApprovalItem, by: Caller, draft: SeedDraft, now: datetime) -> Rereview:
    """Makes an action a seed: everybody who judges once more is asked it, but for whoever planted it and who decided.

    One that was drawn by chance becomes a seed while nobody has looked at it; one that was a seed before is asked
    again, of those who have not answered it. Raises InvalidSeed.
    """
    project = item.approval.project
    Project.objects.select_for_update().get(pk=project.pk)  # so that SEEDS_MAX holds
    lot = Lot.of(item.approval_id, item.index)
    row = Rereview.objects.select_for_update().filter(item=item).first()
    row = row or Rereview(project=project, item=item, place=lot.place)
    _check(item, row, draft)
    row.kind, row.wanted, row.closed_at = Rereview.Kind.SEED, 0, None
    row.known, row.explanation = draft.known, draft.explanation.strip()
    row.made_by, row.made_at = by.user, now
    row.save()
    row.answers.filter(status=RereviewAnswer.Status.HELD).delete()
    audit.record(
        project=project, by=by, action="quality.seeded", target=f"approval {item.approval_id}",
        detail={"item": item.index, "known": row.known, "explanation": row.explanation}, now=now,
    )  # fmt: skip
    return row


@transaction.atomic
def retire(*, seed: Rereview, by: Caller, now: datetime) -> bool:
    """Asks a seed no more; what was answered stays in the figures. False when it was retired already."""
    done = Rereview.objects.open().filter(pk=seed.pk, kind=Rereview.Kind.SEED).update(closed_at=now)
    if done:
        target = f"rereview {seed.pk}"
        audit.record(project=seed.project, by=by, action="quality.seed_retired", target=target, detail={}, now=now)
    return bool(done)


def _check(item: ApprovalItem, row: Rereview, draft: SeedDraft) -> None:
    errors: dict[str, list[str]] = {}
    if draft.known not in item.allowed_decisions:
        errors["known"] = [_("This request allows only: %(allowed)s.") % {"allowed": ", ".join(item.allowed_decisions)}]
    if not draft.explanation.strip():
        errors["explanation"] = [_("Say why this is right.")]
    elif len(draft.explanation) > EXPLANATION_CHARS:
        errors["explanation"] = [_("At most %(max)d characters.") % {"max": EXPLANATION_CHARS}]
    if item.approval.is_waiting:
        errors["__all__"] = [_("This request still waits for a decision.")]
    elif row.kind == Rereview.Kind.SAMPLE and row.answers.given().exists():
        errors["__all__"] = [_("Somebody has judged this one once more already: choose another one as a seed.")]
    elif row.kind == Rereview.Kind.SEED and row.answered and row.known != draft.known:
        errors["known"] = [_("Somebody has answered this seed, so its answer stays as it is.")]
    elif Rereview.objects.open().filter(project=item.approval.project, kind=Rereview.Kind.SEED).count() >= SEEDS_MAX:
        errors["__all__"] = [_("At most %(max)d seeds at a time: retire one first.") % {"max": SEEDS_MAX}]
    if errors:
        raise InvalidSeed(errors)
