"""The keys that sign receipts: made when wanted, rotated by age, revoked when they leaked."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db import connection, transaction
from joserfc.jwk import OKPKey

from agents.services import audit
from console.lib.sealing import Unreadable, seal, unseal
from reviews import jws
from reviews.models import SigningKey
from reviews.selectors.signing_keys import key_set

ROTATE_AFTER = timedelta(days=30)
PURPOSE = "receipts.signing_key"
FIRST_KEY_LOCK = 4_242_002
"""Whoever makes the first key for its own sake takes turns; whoever decides never waits for it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Signer:
    """The key that signs now."""

    row: SigningKey
    key: OKPKey

    def sign(self, claims: Mapping[str, Any]) -> str:
        """The claims as a signed token."""
        return jws.sign(claims, kid=self.row.kid, key=self.key)


def signer(*, now: datetime) -> Signer:
    """The active key; a new one where there is none yet, or none that this console's SECRET_KEY opens."""
    row = SigningKey.objects.active().first() or _make(now)
    try:
        return Signer(row, _opened(bytes(row.sealed_private or b"")))
    except Unreadable:
        _log.warning("The signing key %s was sealed with another SECRET_KEY: a new one takes its place", row.kid)
        row = rotate(now=now, kid=row.kid)
        return Signer(row, _opened(bytes(row.sealed_private or b"")))


def published(*, now: datetime) -> dict[str, Any]:
    """The JWK Set of all keys whose signatures count, the one among them with which the next receipt is signed.

    Where there is none yet, or none that can be opened, it is made here: verifiers learn it before anything is decided.
    """
    newest = SigningKey.objects.active().first()
    if newest is None or not _opens(newest):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [FIRST_KEY_LOCK])
            signer(now=now)
    return key_set()


def rotate_if_due(*, now: datetime) -> bool:
    """Replaces the active key when it is older than ROTATE_AFTER; whether it was."""
    row = SigningKey.objects.active().filter(created_at__lte=now - ROTATE_AFTER).first()
    if row is None:
        return False
    rotate(now=now, kid=row.kid)
    return True


@transaction.atomic
def rotate(*, now: datetime, kid: str | None = None) -> SigningKey:
    """Retires what signs now, erasing the private halves, and returns the next key.

    With `kid` only if that is still the newest: whoever comes second gets what the first has made. Receipts that a
    retired key has signed stay good.
    """
    active = list(SigningKey.objects.active().select_for_update())
    if kid is not None and active and active[0].kid != kid:
        return active[0]
    for row in active:
        SigningKey.objects.filter(pk=row.pk).update(retired_at=now, sealed_private=None)
        _note("rotated", row.kid, now)
    return _make(now)


@transaction.atomic
def revoke(*, kid: str, now: datetime) -> bool:
    """Ends the trust in a key that leaked, and with it in all that it has signed. False when there is no such key."""
    row = SigningKey.objects.trusted().select_for_update().filter(kid=kid).first()
    if row is None:
        return False
    SigningKey.objects.filter(pk=row.pk).update(retired_at=row.retired_at or now, revoked_at=now, sealed_private=None)
    _note("revoked", kid, now)
    if row.retired_at is None:
        _make(now)
    return True


def _make(now: datetime) -> SigningKey:
    kid, public, private = jws.new_key()
    sealed = seal(json.dumps(private), purpose=PURPOSE)
    _note("created", kid, now)
    return SigningKey.objects.create(kid=kid, public_jwk=public, sealed_private=sealed, created_at=now)


@lru_cache(maxsize=8)
def _opened(sealed: bytes) -> OKPKey:
    return jws.key_of(json.loads(unseal(sealed, purpose=PURPOSE)))


def _opens(row: SigningKey) -> bool:
    try:
        _opened(bytes(row.sealed_private or b""))
    except Unreadable:
        return False
    return True


def _note(what: str, kid: str, now: datetime) -> None:
    audit.record(project=None, by=None, action=f"signing_key.{what}", target=f"signing key {kid}", detail={}, now=now)
