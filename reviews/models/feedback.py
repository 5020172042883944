"""Labelled examples: what was decided, in an order that a reader can follow without missing anything."""

from __future__ import annotations

from typing import Self

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Exists, F, Func, OuterRef, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Lower

from reviews.models.approval import ApprovalEvent


class CurrentTransaction(Func):
    """The id of the writing transaction, which unlike a sequence value can be compared with a snapshot's horizon."""

    template = "(pg_current_xact_id()::text::bigint)"
    output_field = models.BigIntegerField()


class FeedbackExampleQuerySet(models.QuerySet["FeedbackExample"]):
    """Reads of examples that can be chained."""

    def decided(self) -> Self:
        """Those of items that somebody or the policy decided."""
        return self.exclude(verdict__in=FeedbackExample.UNDECIDED)

    def newest(self) -> Self:
        """The highest revision of each item."""
        newer = FeedbackExample.objects.filter(item=OuterRef("item"), revision__gt=OuterRef("revision"))
        return self.filter(~Exists(newer))

    def with_parts(self) -> Self:
        """With all that a line says of them, in two queries: of the request's events there is only the conversation."""
        said = models.Prefetch("approval__events", ApprovalEvent.objects.filter(kind__in=ApprovalEvent.CONVERSATION))
        parts = self.select_related("approval", "approval__policy_version", "item", "decision", "correction")
        return parts.prefetch_related(said)


class FeedbackExample(models.Model):
    """One revision of the labelled example of one item. What becomes known later adds a revision; nothing changes.

    The first revision is of the decision. An outcome adds one, and so do a correction of the labels or the reason, and
    a score that somebody gives the trace or one of its spans; each carries on what the one before knew. The highest
    revision of an item counts.

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

    class Cause(models.TextChoices):
        DECISION = "decision"
        OUTCOME = "outcome"
        CORRECTION = "correction"
        SCORE = "score"

    transaction = models.BigIntegerField(db_default=CurrentTransaction(), editable=False)
    project = models.ForeignKey("agents.Project", on_delete=models.PROTECT, related_name="+")
    approval = models.ForeignKey("reviews.Approval", on_delete=models.PROTECT, related_name="feedback")
    item = models.ForeignKey("reviews.ApprovalItem", on_delete=models.PROTECT, related_name="feedback")
    decision = models.ForeignKey(
        "reviews.Decision", on_delete=models.PROTECT, null=True, blank=True, related_name="feedback"
    )
    correction = models.ForeignKey(
        "reviews.FeedbackCorrection", on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    revision = models.PositiveIntegerField(help_text="Counts from 1 in each item.")
    cause = models.CharField(
        max_length=10, choices=Cause.choices, db_default=Cause.DECISION, help_text="Of the revision."
    )
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    action = models.CharField(max_length=200)
    agent = models.CharField(max_length=200, blank=True)
    labels = ArrayField(
        models.CharField(max_length=100),
        default=list,
        db_default=[],
        blank=True,
        help_text="Of the decision, or as corrected.",
    )
    outcome = models.JSONField(null=True, blank=True, help_text="As known when the revision was written.")
    trace_models = ArrayField(
        models.TextField(),
        default=list,
        db_default=[],
        blank=True,
        help_text="Used in the trace until the revision was written.",
    )
    trace_cost_nanos = models.BigIntegerField(
        null=True, blank=True, help_text="What the trace had cost by then, in nano-USD; null where nothing was known."
    )
    scores = models.JSONField(
        default=list,
        db_default=[],
        blank=True,
        help_text="What people gave the trace and its spans, as known when the revision was written.",
    )
    recorded_at = models.DateTimeField()

    objects = FeedbackExampleQuerySet.as_manager()

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
        indexes = [
            models.Index(fields=["project", "transaction", "id"], name="reviews_feedback_order"),
            models.Index(fields=["project", "action", "transaction", "id"], name="reviews_feedback_action"),
            models.Index(fields=["project", "agent", "transaction", "id"], name="reviews_feedback_agent"),
            models.Index(fields=["project", "verdict", "transaction", "id"], name="reviews_feedback_verdict"),
            models.Index(
                F("project"),
                KeyTextTransform("status", "outcome"),
                F("transaction"),
                F("id"),
                name="reviews_feedback_outcome",
                condition=Q(outcome__isnull=False),
            ),
            GinIndex(fields=["labels"], name="reviews_feedback_labels", condition=~Q(labels=[])),
        ]
        triggers = [pgtrigger.Protect(name="feedback_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.action}: {self.verdict} (revision {self.revision})"

    @property
    def reason(self) -> str:
        """Why, in words: as corrected, else as the decision said. Reads `correction` and `decision`."""
        if self.correction is not None:
            return self.correction.reason
        return self.decision.reason if self.decision is not None else ""


class FeedbackCorrection(models.Model):
    """What somebody said later about the labels and the reason of an example. The decision stays what it was."""

    project = models.ForeignKey("agents.Project", on_delete=models.PROTECT, related_name="+")
    item = models.ForeignKey("reviews.ApprovalItem", on_delete=models.PROTECT, related_name="corrections")
    labels = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    reason = models.TextField(blank=True)
    corrected_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    corrected_by_name = models.CharField(max_length=200)
    corrected_by_role = models.CharField(max_length=20, help_text="In the project, when correcting.")
    corrected_at = models.DateTimeField()

    class Meta:
        ordering = ["item", "id"]
        triggers = [pgtrigger.Protect(name="correction_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"correction by {self.corrected_by_name}"


class ScoreNote(models.Model):
    """Somebody's score of a trace was given, changed or taken back: its examples want another look.

    Written by a trigger of `metrics_score` (migration 0013), so in the transaction of the score; deleted when taken.
    """

    project_id = models.BigIntegerField()
    trace_id = models.BinaryField(max_length=16)
    noted_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"scores of {bytes(self.trace_id).hex()}"


class ReasonLabel(models.Model):
    """One label of a project's taxonomy, which reviewers can give to what they decide.

    A label that is retired is offered no more; examples that have it keep it.
    """

    project = models.ForeignKey("agents.Project", on_delete=models.PROTECT, related_name="reason_labels")
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=200, blank=True, help_text="When to give it, for reviewers.")
    position = models.PositiveIntegerField(help_text="Its place among those offered.")
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(F("project"), Lower("name"), name="reviews_label_name")]

    def __str__(self) -> str:
        return self.name


class FeedbackSettings(models.Model):
    """How a project wants its examples. Without a row everything is as the defaults say."""

    project = models.OneToOneField("agents.Project", on_delete=models.PROTECT, related_name="feedback_settings")
    reviewer_names = models.BooleanField(
        default=False, help_text="Whether examples name their reviewers; else they have pseudonyms."
    )
    labels_closed = models.BooleanField(
        default=False, help_text="Whether only these labels may be given, and those that the agent offered."
    )

    def __str__(self) -> str:
        return f"feedback of {self.project_id}"
