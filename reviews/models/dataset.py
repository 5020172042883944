"""Datasets: a saved filter over labelled examples, frozen into versions that never change."""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from reviews.models.work import LongWork, WorkStatus


class Dataset(models.Model):
    """Which examples to freeze, and how. Versions keep their own copy of it, so it may change between two."""

    project = models.ForeignKey("agents.Project", on_delete=models.PROTECT, related_name="datasets")
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=500, blank=True)
    filters = models.JSONField(default=dict, help_text="What `reviews.freezing.ExampleFilter.read` takes.")
    shares = models.JSONField(help_text='{"train", "validation", "test"} in percent, together 100.')
    masks = models.BooleanField(default=True, help_text="Whether personal data and secrets are masked when freezing.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(F("project"), Lower("name"), name="reviews_dataset_name")]
        indexes = [models.Index(fields=["project", "-id"], name="reviews_dataset_newest")]

    def __str__(self) -> str:
        return self.name


class DatasetVersion(LongWork):
    """One freezing of a dataset: the lines in its parts, their hash and the card. When it is ready nothing changes."""

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField(help_text="Counts from 1 in each dataset.")
    filters = models.JSONField(default=dict)
    shares = models.JSONField()
    masking = models.JSONField(null=True, blank=True, help_text="The policy that lines were masked by; null: by none.")

    # How far it is: first candidates are collected up to the end, then they are written as lines.
    end_transaction = models.BigIntegerField(help_text="With end_row: the last example that counts.")
    end_row = models.BigIntegerField()
    seen_transaction = models.BigIntegerField(help_text="With seen_row: the last example that was looked at.")
    seen_row = models.BigIntegerField()
    collected = models.BooleanField(default=False)
    matching = models.PositiveBigIntegerField(default=0, help_text="Examples that match, duplicates included.")
    distinct = models.PositiveBigIntegerField(default=0, help_text="Of these, how many are left without duplicates.")

    # What it is.
    examples = models.PositiveBigIntegerField(default=0, help_text="Lines written.")
    parts_count = models.PositiveIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes of all lines with their newlines.")
    card = models.JSONField(default=dict, help_text="Counts, as `reviews.freezing.Tally.document` writes them.")
    content_hash = models.CharField(max_length=64, blank=True, help_text="SHA-256 of all lines, each with a newline.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dataset", "number"], name="reviews_dataset_version"),
            models.CheckConstraint(
                name="reviews_dataset_hash_when_ready", condition=~Q(status="ready") | ~Q(content_hash="")
            ),
        ]
        indexes = [
            models.Index(
                fields=["leased_until"], name="reviews_dataset_open", condition=Q(status__in=["queued", "running"])
            )
        ]
        triggers = [
            pgtrigger.Protect(
                name="dataset_frozen", operation=pgtrigger.Update, condition=pgtrigger.Q(old__status="ready")
            )
        ]

    def __str__(self) -> str:
        return f"version {self.number}"

    @property
    def percent(self) -> int:
        """How much of the work is done, 0 to 100: collecting counts half, though nobody knows how much is to come."""
        if self.status == WorkStatus.READY:
            return 100
        if not self.collected:
            return 0
        return min(99, 50 + 50 * self.examples // max(self.distinct, 1))


class DatasetCandidate(models.Model):
    """While a version is being made: the example that stands for all that ask the same. Its newest is kept."""

    version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.BinaryField(help_text="SHA-256 of action, arguments and context.")
    transaction = models.BigIntegerField()
    example = models.BigIntegerField(help_text="Its row; with `transaction` its place in the order of examples.")
    verdict = models.CharField(max_length=10)
    copies = models.PositiveIntegerField(help_text="How many examples ask the same, this one included.")
    contested = models.BooleanField(help_text="Whether they were not all decided alike.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "key"], name="reviews_candidate_key")]
        indexes = [models.Index(fields=["version", "transaction", "example"], name="reviews_candidate_order")]

    def __str__(self) -> str:
        return f"candidate of {self.version_id}"


class DatasetPart(models.Model):
    """Some lines of a version, as they are for good."""

    version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="parts", db_index=False)
    number = models.PositiveIntegerField(help_text="Its place, from 0.")
    rows = models.PositiveIntegerField()
    data = models.BinaryField(help_text="Canonical JSON lines, compressed with zstd.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "number"], name="reviews_dataset_part")]
        triggers = [pgtrigger.Protect(name="part_frozen", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return f"part {self.number}"
