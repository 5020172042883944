"""Long work that goes on in workers, a bounded step at a time, and survives the end of any of them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class WorkStatus(models.TextChoices):
    """Where some long work stands. Transitions are in `reviews.services.work`."""

    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    READY = "ready", _("Ready")
    FAILED = "failed", _("Failed")
    EXPIRED = "expired", _("Expired")


class LongWork(models.Model):
    """Who works on it is a lease: when it runs out, another worker goes on behind the last step that was stored."""

    status = models.CharField(max_length=8, choices=WorkStatus.choices, default=WorkStatus.QUEUED)
    lease = models.UUIDField(null=True, blank=True, help_text="Of the worker that is at it.")
    leased_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Since the last step that was stored.")
    error = models.CharField(max_length=300, blank=True, help_text="Why it failed, in words.")
    requested_by_label = models.CharField(max_length=200)
    requested_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def is_open(self) -> bool:
        """Whether a worker still has to do with it."""
        return self.status in {WorkStatus.QUEUED, WorkStatus.RUNNING}
