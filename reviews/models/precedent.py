"""What was decided before, kept so that decisions on similar requests can be found again."""

from __future__ import annotations

from django.db import models
from pgvector.django import HalfVectorField

from reviews.embedding import DIMENSIONS


class Precedent(models.Model):
    """One decided item with the embedding of what was asked.

    Written in the transaction of the decision, so that a decision is a precedent at once. The search reads the latest
    rows of one action of one project out of an index that carries the vectors: exact, bounded, and never another
    project's (docs/decisions/014-precedents.md).
    """

    project = models.ForeignKey("agents.Project", on_delete=models.PROTECT, related_name="+", db_index=False)
    approval = models.ForeignKey("reviews.Approval", on_delete=models.PROTECT, related_name="+", db_index=False)
    item = models.OneToOneField("reviews.ApprovalItem", on_delete=models.PROTECT, related_name="precedent")
    action = models.CharField(max_length=200)
    verdict = models.CharField(max_length=8)
    fingerprint = models.BigIntegerField(help_text="Equal arguments have equal ones: `reviews.embedding.fingerprint`.")
    embedding = HalfVectorField(dimensions=DIMENSIONS, help_text="Of length 1: `reviews.embedding.embed`.")
    decided_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(
                fields=["project", "action", "-decided_at"],
                include=["id", "verdict", "embedding"],
                name="reviews_precedent_latest",
            ),
            models.Index(fields=["project", "action", "fingerprint", "-decided_at"], name="reviews_precedent_equal"),
        ]

    def __str__(self) -> str:
        return f"{self.action}: {self.verdict}"
