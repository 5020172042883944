"""Receipts: the signed word on a decided action."""

from __future__ import annotations

from datetime import datetime
from typing import Self

import pgtrigger
from django.db import models
from django.db.models import F, Q

from reviews.ids import new_id


class ReceiptQuerySet(models.QuerySet["Receipt"]):
    """Chainable reads of receipts."""

    def usable(self, now: datetime) -> Self:
        """Those with which something may still be run once."""
        return self.filter(consumed_at__isnull=True, expires_at__gt=now).exclude(arguments_hash="")


class Receipt(models.Model):
    """The signed word on one decided action, and whether it was used: once, before it expires."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False, help_text="The token's `jti`.")
    approval = models.ForeignKey("reviews.Approval", on_delete=models.PROTECT, related_name="receipts")
    item = models.OneToOneField("reviews.ApprovalItem", on_delete=models.PROTECT, related_name="receipt")
    signed_by = models.ForeignKey("reviews.SigningKey", on_delete=models.PROTECT, related_name="+")
    token = models.TextField(help_text="JWS in its compact form (RFC 7515).")
    arguments_hash = models.CharField(
        max_length=64, blank=True, help_text="Of the arguments that may run, in hexadecimal; empty when nothing may."
    )
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    consumed_at = models.DateTimeField(null=True, blank=True)
    consumed_by_label = models.CharField(max_length=200, blank=True)

    objects = ReceiptQuerySet.as_manager()

    class Meta:
        ordering = ["approval", "issued_at", "id"]
        constraints = [
            models.CheckConstraint(name="reviews_receipt_expires_later", condition=Q(expires_at__gt=F("issued_at"))),
            models.CheckConstraint(
                name="reviews_receipt_consumed_in_time",
                condition=Q(consumed_at__isnull=True) | (Q(consumed_at__lt=F("expires_at")) & ~Q(arguments_hash="")),
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="receipt_kept", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="receipt_fixed", exclude=["consumed_at", "consumed_by_label"]),
            pgtrigger.Protect(
                name="receipt_used_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__consumed_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"receipt {self.pk}"
