"""Being away: when, and who stands in."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from agents import rosters
from agents.models import Away, User
from agents.services import audit

LONGEST = timedelta(days=366)


@transaction.atomic
def plan(*, user: User, delegate: User | None, starts_at: datetime, ends_at: datetime, now: datetime) -> Away:
    """Notes that somebody will be away. What comes in meanwhile is put before `delegate`, where their role lets them.

    Raises ValidationError by field: in the past, too long, or over another time in which they are away.
    """
    User.objects.select_for_update().get(pk=user.pk)  # One after the other, or two could overlap.
    if ends_at <= starts_at:
        raise ValidationError({"ends_at": _("The end has to be after the beginning.")})
    if ends_at <= now:
        raise ValidationError({"ends_at": _("This time is over already.")})
    if ends_at - starts_at > LONGEST:
        raise ValidationError({"ends_at": _("At most a year at a time.")})
    if delegate is not None and delegate.pk == user.pk:
        raise ValidationError({"delegate": _("Somebody else has to stand in for you.")})
    if Away.objects.filter(user=user, starts_at__lt=ends_at, ends_at__gt=starts_at).exists():
        raise ValidationError({"starts_at": _("You are away at that time already.")})
    away = Away.objects.create(user=user, delegate=delegate, starts_at=starts_at, ends_at=ends_at, created_at=now)
    _record("away.plan", away, now)
    return away


@transaction.atomic
def end(*, away: Away, now: datetime) -> None:
    """Somebody is back early, or will not go: what is over stays on record, what is to come is dropped."""
    locked = Away.objects.select_for_update(of=("self",)).select_related("user", "delegate").filter(pk=away.pk).first()
    if locked is None or locked.ends_at <= now:
        return
    _record("away.end", locked, now)
    if locked.starts_at >= now:
        locked.delete()
        return
    locked.ends_at = now
    locked.save(update_fields=["ends_at"])


def _record(action: str, away: Away, now: datetime) -> None:
    detail = {
        "from": away.starts_at.isoformat(),
        "until": away.ends_at.isoformat(),
        "delegate": away.delegate.email if away.delegate else None,
    }
    rosters.changed()
    audit.record(project=None, by=away.user, action=action, target=f"person {away.user.email}", detail=detail, now=now)
