"""API keys: made, rotated and revoked. The secret is returned once and never stored."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from agents import known_keys
from agents.authentication import Caller
from agents.models import ApiKey, Project, User, api_key
from agents.models.credential import digest, hint_of, new_secret
from agents.permissions import Scope
from agents.services import audit

OVERLAP_MAX = timedelta(days=7)


@dataclass(frozen=True)
class IssuedKey:
    """A new key and its secret, which exists nowhere else."""

    key: ApiKey
    secret: str


def network_of(text: str) -> str:
    """The canonical form of an address or CIDR network ("10.0.0.1" becomes "10.0.0.1/32"); else ValidationError."""
    try:
        return str(ipaddress.ip_network(text.strip(), strict=False))
    except ValueError:
        message = _("“%(text)s” is neither an address nor a network such as 10.0.0.0/8.")
        raise ValidationError({"allowed_networks": message % {"text": text}}) from None


@transaction.atomic
def create(
    *,
    project: Project,
    name: str,
    scopes: Sequence[Scope],
    expires_at: datetime | None,
    allowed_networks: Sequence[str],
    by: Caller | User | None,
    now: datetime,
) -> IssuedKey:
    """A new key of `project`. Raises ValidationError by field: no scope, an expiry in the past, a wrong network.

    `by` None means the system: nobody is then the key's owner, so nobody is barred from deciding on its requests.
    """
    if not scopes:
        raise ValidationError({"scopes": _("Choose at least one scope.")})
    if expires_at is not None and expires_at <= now:
        raise ValidationError({"expires_at": _("This is in the past.")})
    issued = _issue(project, name, sorted({Scope(scope) for scope in scopes}), expires_at, allowed_networks, by)
    detail = {"scopes": issued.key.scopes, "allowed_networks": issued.key.allowed_networks}
    _record("key.create", issued.key, by, now, detail | {"expires_at": expires_at.isoformat() if expires_at else None})
    return issued


@transaction.atomic
def rotate(*, key: ApiKey, overlap: timedelta, by: Caller | User, now: datetime) -> IssuedKey:
    """A successor with the same name, rights and length of life; the old key stops working after `overlap`.

    Raises ValidationError when the key no longer works or was rotated before.
    """
    if not timedelta(0) <= overlap <= OVERLAP_MAX:
        raise ValidationError({"overlap_hours": _("The old key may go on working for at most seven days.")})
    old = _lock(key)
    if old.state(now) != "active":
        raise ValidationError(_("Only a key that works can be rotated."))
    if old.replaced_by_id is not None:
        raise ValidationError(_("This key has been rotated already."))
    life = old.expires_at - old.created_at if old.expires_at else None
    issued = _issue(old.project, old.name, old.scopes, now + life if life else None, old.allowed_networks, by)
    end = now + overlap
    old.replaced_by = issued.key
    old.expires_at = min(end, old.expires_at) if old.expires_at else end
    old.save(update_fields=["replaced_by", "expires_at"])
    known_keys.changed()
    _record("key.rotate", old, by, now, {"successor": issued.key.hint, "old_expires_at": old.expires_at.isoformat()})
    return issued


@transaction.atomic
def revoke(*, key: ApiKey, by: Caller | User, now: datetime) -> bool:
    """The key is refused from now on, for ever. False when it was revoked before."""
    old = _lock(key)
    if old.revoked_at is not None:
        return False
    old.revoked_at = now
    old.save(update_fields=["revoked_at"])
    known_keys.changed()
    _record("key.revoke", old, by, now, {})
    return True


def _lock(key: ApiKey) -> ApiKey:
    found = ApiKey.objects.select_for_update().get(pk=key.pk)
    assert isinstance(found, ApiKey)
    return found


def _issue(
    project: Project,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
    networks: Sequence[str],
    by: Caller | User | None,
) -> IssuedKey:
    secret = new_secret(api_key.PREFIX)
    key = ApiKey(
        project=project,
        name=name.strip(),
        secret_hash=digest(secret),
        hint=hint_of(secret),
        scopes=list(scopes),
        expires_at=expires_at,
        allowed_networks=[network_of(network) for network in networks],
        created_by=by.user if isinstance(by, Caller) else by,
    )
    key.save()
    return IssuedKey(key, secret)


def _record(action: str, key: ApiKey, by: Caller | User | None, now: datetime, detail: dict[str, object]) -> None:
    audit.record(project=key.project, by=by, action=action, target=f"key {key.name} {key.hint}", detail=detail, now=now)
