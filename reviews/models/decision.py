"""Verdicts, as given."""

from __future__ import annotations

from typing import Self

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from agents.models.verbatim import VerbatimJSONField
from reviews import states

# `arguments` has no equality of its own, and as jsonb two spellings of one number would be the same.
BUT_FOR_WITHDRAWING = pgtrigger.Condition(
    "OLD.withdrawn_at IS NOT NULL OR NEW.arguments::text IS DISTINCT FROM OLD.arguments::text"
    " OR to_jsonb(NEW) - 'withdrawn_at' IS DISTINCT FROM to_jsonb(OLD) - 'withdrawn_at'"
)

VERDICTS = [(verdict.value, verdict.value) for verdict in states.Verdict]


class DecisionQuerySet(models.QuerySet["Decision"]):
    """Reads of verdicts that can be chained."""

    def standing(self) -> Self:
        """Those that count, in the order in which they were given."""
        return self.filter(withdrawn_at__isnull=True).order_by("id")


class Decision(models.Model):
    """What one reviewer decided on one item: a vote where several have to agree.

    Never deleted, and never changed but for being withdrawn before the agent was told.
    """

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
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        ordering = ["approval", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["item", "reviewer"],
                name="reviews_decision_once_per_reviewer",
                condition=Q(withdrawn_at__isnull=True),
            ),
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
        indexes = [models.Index(fields=["project", "reviewer", "-decided_at"], name="reviews_decision_of_reviewer")]
        triggers = [
            pgtrigger.Protect(name="decision_append_only", operation=pgtrigger.Delete),
            pgtrigger.Protect(name="decision_read_only", operation=pgtrigger.Update, condition=BUT_FOR_WITHDRAWING),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} by {self.reviewer_name}"
