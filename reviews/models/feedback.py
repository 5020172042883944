"""Labelled examples: what was decided, in an order that a reader can follow without missing anything."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Func, Q


class CurrentTransaction(Func):
    """The id of the writing transaction, which unlike a sequence value can be compared with a snapshot's horizon."""

    template = "(pg_current_xact_id()::text::bigint)"
    output_field = models.BigIntegerField()


class FeedbackExample(models.Model):
    """One revision of the labelled example of one item. A later outcome adds a revision; nothing is ever changed.

    Readers go through the rows in the order (transaction, id) and stop before the oldest transaction that is still
    open (`pg_snapshot_xmin`). So no row can ever appear behind one that was handed out, which the order of ids alone
    does not give: ids are drawn before the commit, and commits overtake each other.
    """

    class Verdict(models.TextChoices):
        APPROVE = "approve"
        EDIT = "edit"
        REJECT = "reject"
        RESPOND = "respond"
        EXPIRED = "expired"
        CANCELLED = "cancelled"

    UNDECIDED = [Verdict.EXPIRED, Verdict.CANCELLED]

    transaction = models.BigIntegerField(db_default=CurrentTransaction(), editable=False)
    project = models.ForeignKey("agents.Project", on_delete=models.PROTECT, related_name="+")
    approval = models.ForeignKey("reviews.Approval", on_delete=models.PROTECT, related_name="feedback")
    item = models.ForeignKey("reviews.ApprovalItem", on_delete=models.PROTECT, related_name="feedback")
    decision = models.ForeignKey(
        "reviews.Decision", on_delete=models.PROTECT, null=True, blank=True, related_name="feedback"
    )
    revision = models.PositiveIntegerField(help_text="Counts from 1 in each item.")
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    action = models.CharField(max_length=200)
    agent = models.CharField(max_length=200, blank=True)
    outcome = models.JSONField(null=True, blank=True, help_text="As known when the revision was written.")
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["transaction", "id"]
        constraints = [
            models.UniqueConstraint(fields=["item", "revision"], name="reviews_feedback_revision"),
            models.CheckConstraint(
                name="reviews_feedback_decision_unless_undecided",
                condition=Q(decision__isnull=True, verdict__in=["expired", "cancelled"])
                | (Q(decision__isnull=False) & ~Q(verdict__in=["expired", "cancelled"])),
            ),
        ]
        indexes = [models.Index(fields=["project", "transaction", "id"], name="reviews_feedback_order")]
        triggers = [pgtrigger.Protect(name="feedback_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.action}: {self.verdict} (revision {self.revision})"
