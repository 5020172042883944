"""Personal tokens: a person's own key to the API. The secret is returned once and never stored."""

from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from agents.models import PersonalToken, User, token
from agents.models.credential import digest, hint_of, new_secret
from agents.services import audit


@dataclass(frozen=True)
class IssuedToken:
    """A new token and its secret, which exists nowhere else."""

    token: PersonalToken
    secret: str


@transaction.atomic
def create(*, user: User, name: str, expires_at: datetime | None, now: datetime) -> IssuedToken:
    """A token that acts as `user`, who makes it for themselves. Raises ValidationError for an expiry in the past."""
    if expires_at is not None and expires_at <= now:
        raise ValidationError({"expires_at": _("This is in the past.")})
    secret = new_secret(token.PREFIX)
    made = PersonalToken(
        user=user, name=name.strip(), secret_hash=digest(secret), hint=hint_of(secret), expires_at=expires_at
    )
    made.save()
    _record("token.create", made, now)
    return IssuedToken(made, secret)


@transaction.atomic
def revoke(*, token: PersonalToken, now: datetime) -> bool:
    """The token is refused from now on. False when it was revoked before."""
    if not PersonalToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=now):
        return False
    _record("token.revoke", token, now)
    return True


def _record(action: str, made: PersonalToken, now: datetime) -> None:
    target = f"token {made.name} {made.hint}"
    audit.record(project=None, by=made.user, action=action, target=target, detail={}, now=now)
