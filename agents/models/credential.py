"""What API keys and personal tokens have in common: a secret that is shown once and stored as a hash."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import models

SECRET_BYTES = 32
HINT_CHARS = 4
LAST_USED_STEP = timedelta(minutes=1)


def new_secret(prefix: str) -> str:
    """A fresh secret: the prefix and 32 random bytes in URL-safe base64."""
    return prefix + secrets.token_urlsafe(SECRET_BYTES)


def digest(secret: str) -> bytes:
    """SHA-256 of a secret. A slow hash would add nothing: the secret has 256 bits of entropy."""
    return hashlib.sha256(secret.encode()).digest()


def hint_of(secret: str) -> str:
    """What may be shown of a secret for ever: its prefix and four characters."""
    return secret[: secret.index("_") + 1 + HINT_CHARS]


def usable_at(now: datetime) -> models.Q:
    """Credentials that are neither revoked nor expired at `now`."""
    return models.Q(models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=now), revoked_at__isnull=True)


class Credential(models.Model):
    """A hashed secret with a life: created, maybe expiring, maybe revoked, last used about then."""

    name = models.CharField(max_length=100)
    secret_hash = models.BinaryField(max_length=32, unique=True, editable=False)
    hint = models.CharField(max_length=16, editable=False, help_text="The first characters, to recognise it by.")
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"

    def state(self, now: datetime) -> str:
        """`active`, `expired` or `revoked` at `now`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"

    def usage_is_stale(self, now: datetime) -> bool:
        """Whether `last_used_at` is worth a write; it is kept to the minute."""
        return self.last_used_at is None or now - self.last_used_at >= LAST_USED_STEP
