"""Exports: a version of a dataset as a file of some format, made in workers and kept for some days."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from reviews.ids import new_id
from reviews.models.dataset import DatasetVersion
from reviews.models.work import LongWork, WorkStatus


class Export(LongWork):
    """One file. Its bytes are in parts, so that any process can make and serve it, wherever it runs."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey("agents.Project", on_delete=models.PROTECT, related_name="exports")
    version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="exports")
    format = models.CharField(max_length=20, help_text="A name in `reviews.exporting.FORMATS`.")
    split = models.CharField(max_length=10, blank=True, help_text="train, validation or test; empty: all of them.")

    parts_read = models.PositiveIntegerField(default=0, help_text="Parts of the version that are done.")
    parts_made = models.PositiveIntegerField(
        default=0, help_text="Parts of the file, or of what it is put together from."
    )
    rows_read = models.PositiveBigIntegerField(default=0, help_text="Examples looked at, of any split.")
    rows = models.PositiveBigIntegerField(default=0, help_text="Examples in the file.")
    left_out = models.PositiveBigIntegerField(default=0, help_text="Examples that the format has no place for.")
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes of the file.")
    stored = models.PositiveBigIntegerField(default=0, help_text="Bytes that it takes here.")
    sha256 = models.CharField(max_length=64, blank=True, help_text="Of the file.")
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Until when the file is kept.")

    class Meta:
        constraints = [
            models.CheckConstraint(name="reviews_export_hash_when_ready", condition=~Q(status="ready") | ~Q(sha256=""))
        ]
        indexes = [
            models.Index(fields=["project", "-id"], name="reviews_export_newest"),
            models.Index(
                fields=["leased_until"], name="reviews_export_open", condition=Q(status__in=["queued", "running"])
            ),
            models.Index(fields=["expires_at"], name="reviews_export_expiry", condition=Q(status="ready")),
        ]

    def __str__(self) -> str:
        return f"{self.format} of {self.version_id}"

    @property
    def percent(self) -> int:
        """How much of the work is done, 0 to 100."""
        if self.status == WorkStatus.READY:
            return 100
        return min(99, 100 * self.rows_read // max(self.version.examples, 1))


class ExportPart(models.Model):
    """A piece of a file, or (`raw`) of what the file is put together from in the end."""

    export = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="parts", db_index=False)
    raw = models.BooleanField(default=False)
    number = models.PositiveIntegerField(help_text="Its place, from 0.")
    start = models.PositiveBigIntegerField(help_text="Where in the file it begins, in bytes.")
    size = models.PositiveIntegerField(help_text="In bytes, not compressed.")
    data = models.BinaryField(help_text="Compressed with zstd.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["export", "raw", "number"], name="reviews_export_part")]

    def __str__(self) -> str:
        return f"piece {self.number}"
