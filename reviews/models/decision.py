"""Verdicts, as given."""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from reviews import states
from reviews.models.fields import VerbatimJSONField

VERDICTS = [(verdict.value, verdict.value) for verdict in states.Verdict]


class Decision(models.Model):
    """What one reviewer decided on one item. Never changed, never deleted."""

    project = models.ForeignKey("agents.Project", on_delete=models.PROTECT, related_name="+")
    approval = models.ForeignKey("reviews.Approval", on_delete=models.PROTECT, related_name="decisions")
    item = models.ForeignKey("reviews.ApprovalItem", on_delete=models.PROTECT, related_name="decisions")
    verdict = models.CharField(max_length=8, choices=VERDICTS)
    arguments = VerbatimJSONField(null=True, blank=True, help_text="What the agent is to run with instead, of `edit`.")
    reason = models.TextField(blank=True)
    message = models.TextField(blank=True, help_text="For the agent: of `respond`, the answer.")
    labels = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reviewer_name = models.CharField(max_length=200)
    reviewer_role = models.CharField(max_length=20, help_text="In the project, when deciding.")
    decided_at = models.DateTimeField()

    class Meta:
        ordering = ["approval", "id"]
        constraints = [
            models.UniqueConstraint(fields=["item", "reviewer"], name="reviews_decision_once_per_reviewer"),
            models.CheckConstraint(
                name="reviews_decision_verdict", condition=Q(verdict__in=[name for name, _ in VERDICTS])
            ),
            models.CheckConstraint(
                name="reviews_decision_rejection_has_reason", condition=~Q(verdict="reject") | ~Q(reason="")
            ),
            models.CheckConstraint(
                name="reviews_decision_answer_has_message", condition=~Q(verdict="respond") | ~Q(message="")
            ),
        ]
        triggers = [pgtrigger.Protect(name="decision_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.verdict} by {self.reviewer_name}"
