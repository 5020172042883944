"""Keys that sign receipts."""

from __future__ import annotations

from typing import Self

import pgtrigger
from django.db import models
from django.db.models import Q


class SigningKeyQuerySet(models.QuerySet["SigningKey"]):
    """Chainable reads of signing keys."""

    def active(self) -> Self:
        """Those that may sign. The newest of them does; two that were made at the same moment do no harm."""
        return self.filter(retired_at__isnull=True)

    def trusted(self) -> Self:
        """Those whose signatures count: retired ones go on to, revoked ones do not."""
        return self.filter(revoked_at__isnull=True)


class SigningKey(models.Model):
    """An Ed25519 key pair. Its private half is sealed with the console's secret, and erased when it retires."""

    kid = models.CharField(max_length=64, unique=True, help_text="The JWK's SHA-256 thumbprint (RFC 7638).")
    public_jwk = models.JSONField(help_text="The public half as a JWK (RFC 8037).")
    sealed_private = models.BinaryField(null=True, help_text="Null once retired: nothing is signed with it again.")
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, help_text="Its signatures no longer count.")

    objects = SigningKeyQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                name="reviews_signing_key_private_while_active",
                condition=Q(retired_at__isnull=True, sealed_private__isnull=False, revoked_at__isnull=True)
                | Q(retired_at__isnull=False, sealed_private__isnull=True),
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="signing_key_kept", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="signing_key_fixed", fields=["kid", "public_jwk", "created_at"]),
        ]

    def __str__(self) -> str:
        return self.kid
