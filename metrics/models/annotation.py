"""Queues of traces and spans that people are to score, the rules that fill them, and who has done what."""

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class AnnotationQueueQuerySet(models.QuerySet["AnnotationQueue"]):
    """Chainable reads of queues."""

    def open(self) -> Self:
        """Queues that are not archived."""
        return self.filter(archived_at__isnull=True)


class AnnotationQueue(models.Model):
    """What is looked at, by whom, and which scores are asked for. `team` None asks everybody who may score."""

    project = models.ForeignKey("agents.Project", on_delete=models.CASCADE, related_name="annotation_queues")
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=1_000, blank=True, default="")
    configs = models.ManyToManyField("metrics.ScoreConfig", related_name="annotation_queues")
    reviewers = models.PositiveSmallIntegerField(default=1, help_text="How many people score each item.")
    team = models.ForeignKey("agents.Team", on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True)

    objects = AnnotationQueueQuerySet.as_manager()

    class Meta:
        db_table = "metrics_annotation_queue"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "name"], condition=Q(archived_at__isnull=True), name="annotation_queue_name"
            ),
            models.CheckConstraint(condition=Q(reviewers__gte=1, reviewers__lte=20), name="annotation_reviewers"),
        ]

    def __str__(self) -> str:
        return self.name


class RuleKind(models.TextChoices):
    """What a rule picks among the traces that its filter lets through."""

    LOW_SCORE = "low_score", _("scored low")
    HIGH_COST = "high_cost", _("cost much")
    ERRORS = "errors", _("had errors")
    SAMPLE = "sample", _("random sample")
    EVERY_NTH = "every_nth", _("every Nth")


class AnnotationRule(models.Model):
    """Fills a queue with traces from the moment it was made. Read and moved on by a task alone.

    `amount` counts in what the kind counts in: the highest value of a low score, the lowest cost in USD, the percentage
    of a sample, the N of every Nth; errors have none. The places say what has been looked at: traces by their start,
    scores by their number.
    """

    queue = models.ForeignKey(AnnotationQueue, on_delete=models.CASCADE, related_name="rules")
    kind = models.CharField(max_length=12, choices=RuleKind.choices)
    query = models.CharField(max_length=2_000, blank=True, default="", help_text="As in the address of the trace list.")
    score_name = models.CharField(max_length=120, blank=True, default="")
    amount = models.FloatField(null=True)
    seen_ns = models.BigIntegerField()
    seen_trace = models.BinaryField(max_length=16, default=b"")
    seen_score = models.BigIntegerField(default=0)
    matched = models.BigIntegerField(default=0, help_text="Traces that passed the filter.")
    added = models.BigIntegerField(default=0, help_text="Items that came into the queue by this rule.")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "metrics_annotation_rule"
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=RuleKind.values), name="annotation_rule_kind_known"),
            models.CheckConstraint(
                condition=Q(kind=RuleKind.ERRORS) | Q(amount__isnull=False), name="annotation_rule_amount"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.query}"


class ItemState(models.TextChoices):
    """Whether anybody still has to look."""

    WAITING = "waiting", _("waiting")
    DONE = "done", _("done")


class AnnotationItem(models.Model):
    """A trace or a span in a queue, once. Done when as many people have scored it as the queue asks for.

    The lock is a lease: it runs out by itself, so that nobody has to clean up after a browser that went away.
    """

    queue = models.ForeignKey(AnnotationQueue, on_delete=models.CASCADE, related_name="items")
    trace_id = models.BinaryField(max_length=16)
    span_id = models.BinaryField(max_length=8, null=True)
    state = models.CharField(max_length=8, choices=ItemState.choices, default=ItemState.WAITING)
    done_count = models.PositiveSmallIntegerField(default=0)
    reason = models.CharField(max_length=200, blank=True, default="", help_text="Why it is here, in words.")
    rule = models.ForeignKey(AnnotationRule, on_delete=models.SET_NULL, null=True, related_name="+")
    added_by = models.CharField(max_length=200, blank=True, default="", help_text="Name of who added it; not a rule.")
    assigned_to = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    locked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    locked_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "metrics_annotation_item"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["queue", "trace_id", "span_id"], nulls_distinct=False, name="annotation_item_once"
            ),
            models.CheckConstraint(condition=Q(state__in=ItemState.values), name="annotation_item_state_known"),
            models.CheckConstraint(
                condition=Q(state="waiting", done_at__isnull=True) | Q(state="done", done_at__isnull=False),
                name="annotation_item_done_at",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["queue", "-id"], name="annotation_item_newest"),
            models.Index(fields=["queue", "id"], condition=Q(state="waiting"), name="annotation_item_waiting"),
            models.Index(
                fields=["queue", "assigned_to", "id"], condition=Q(state="waiting"), name="annotation_item_assigned"
            ),
        ]

    def __str__(self) -> str:
        return f"item {self.pk} of queue {self.queue_id}"


class ReviewState(models.TextChoices):
    """What somebody did with an item."""

    DONE = "done", _("done")
    SKIPPED = "skipped", _("skipped")


class AnnotationReview(models.Model):
    """One person is through with an item: they scored it or left it to others."""

    item = models.ForeignKey(AnnotationItem, on_delete=models.CASCADE, related_name="reviews")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=8, choices=ReviewState.choices)
    at = models.DateTimeField()

    class Meta:
        db_table = "metrics_annotation_review"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["item", "user"], name="annotation_review_once"),
            models.CheckConstraint(condition=Q(state__in=ReviewState.values), name="annotation_review_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.state} {self.item_id}"
