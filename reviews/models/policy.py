"""Versions of a project's review policy."""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from agents.models.verbatim import VerbatimJSONField


class PolicyVersion(models.Model):
    """One immutable version of a project's policy. The one with the highest number is in force."""

    project = models.ForeignKey("agents.Project", on_delete=models.PROTECT, related_name="policy_versions")
    number = models.PositiveIntegerField(help_text="Counts from 1 in each project.")
    document = VerbatimJSONField(help_text="What `reviews.policy.schema.load` reads.")
    note = models.CharField(max_length=200, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["project", "-number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="reviews_policy_version_number")]
        triggers = [pgtrigger.Protect(name="policy_version_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"policy version {self.number}"


class PolicyDraft(models.Model):
    """What the next version of a project's policy is to be: one draft, which its leads share."""

    project = models.OneToOneField("agents.Project", on_delete=models.PROTECT, related_name="policy_draft")
    document = VerbatimJSONField(help_text="What `reviews.policy.schema.load` reads.")
    base = models.PositiveIntegerField(help_text="The number of the version that it was begun from.")
    edition = models.PositiveIntegerField(default=1, help_text="Counts changes, so that two people cannot overwrite.")
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"draft on version {self.base}"
