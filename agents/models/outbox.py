"""News on their way out: what happened, to whom it has to go, and every try to get it there."""

import uuid
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from agents.models.channel import RISKS, Channel, ChannelRule
from agents.models.project import Project
from agents.models.verbatim import VerbatimJSONField


class OutboxEvent(models.Model):
    """One thing that happened, written in its own transaction: whatever must hear of it can be told later."""

    uid = models.UUIDField(default=uuid.uuid4, editable=False, help_text="Names the message to webhooks.")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    type = models.CharField(max_length=40, help_text="As `approval.expired`.")
    at = models.DateTimeField()
    risk = models.CharField(max_length=8, choices=RISKS, default="low")
    team = models.ForeignKey("agents.Team", on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    title = models.CharField(max_length=200)
    body = models.CharField(max_length=500, blank=True)
    path = models.CharField(max_length=300, help_text="The page of what it is about, on this site.")
    actions = models.JSONField(default=list, help_text='[{"label", "path"}]: pages where a person can act on it.')
    ends = models.BooleanField(default=False, help_text="Nobody needs to act any more on what `path` shows.")
    data = models.JSONField(help_text="What webhooks are told of it.")
    exact = VerbatimJSONField(
        null=True, help_text="Further members of `data`, to the letter: arguments whose hash a receipt has."
    )
    until = models.DateTimeField(null=True, help_text="What it says is true no longer than that.")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        db_index=False,
        help_text="Whom what `path` shows is for; if nobody, `team`.",
    )
    without = ArrayField(models.BigIntegerField(), default=list, help_text="The ids of people who need not act on it.")
    rung = models.BooleanField(default=False, help_text="Those whom it is for have it in their bells already.")
    callback_url = models.CharField(max_length=500, blank=True, help_text="Where the agent wants to be told of it.")
    routed_at = models.DateTimeField(null=True, help_text="When its deliveries were written.")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["uid"], name="outbox_uid")]
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=Q(routed_at__isnull=True), name="outbox_unrouted"),
            models.Index(fields=["at"], name="outbox_by_time"),
            models.Index(fields=["path", "-id"], name="outbox_by_path"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.uid}"

    @property
    def told(self) -> dict[str, Any]:
        """All that webhooks are told of it."""
        return {**self.data, **(self.exact or {})}


class Endpoint(models.Model):
    """What deliveries wait for together: a channel, or one host among those that agents gave for callbacks.

    Its circuit breaker opens after several failures in a row, and a worker leases it as a whole: so one that hangs
    holds up nobody else.
    """

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="endpoints", db_index=False)
    origin = models.CharField(max_length=300, blank=True, help_text="`https://host:port` of callbacks, else empty.")
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    open_until = models.DateTimeField(null=True, help_text="Until then nothing is tried: the circuit is open.")
    wake_at = models.DateTimeField(null=True, help_text="When there is something to send next.")
    leased_until = models.DateTimeField(null=True, help_text="A worker is at it, unless it has died.")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["channel", "origin"], name="endpoint_of_channel")]
        indexes: ClassVar = [models.Index(fields=["wake_at"], condition=Q(wake_at__isnull=False), name="endpoint_wake")]

    def __str__(self) -> str:
        return self.origin or f"channel {self.channel_id}"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Chainable reads of deliveries."""

    def of_project(self, project: Project) -> Self:
        return self.filter(project=project)

    def pending(self) -> Self:
        """Those that will be tried, or tried again."""
        return self.filter(status=Delivery.Status.PENDING)


class Delivery(models.Model):
    """One event on its way through one channel. The attempts are rows of their own.

    `dropped` is what was no longer true when it would have been sent.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        FAILED = "failed"
        DROPPED = "dropped"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    event = models.ForeignKey(OutboxEvent, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="+", db_index=False)
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    digest = models.ForeignKey(
        ChannelRule,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        db_index=False,
        help_text="The rule that makes one message of all that falls due together.",
    )
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    due_at = models.DateTimeField(help_text="When it is tried next.")
    gives_up_at = models.DateTimeField(help_text="From then on it is not tried again.")
    tries = models.PositiveSmallIntegerField(default=0, help_text="Since it was made or replayed.")
    error = models.CharField(max_length=300, blank=True, help_text="What the last attempt met.")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "channel"], name="delivery_once_per_channel"),
            models.CheckConstraint(
                condition=Q(status__in=["pending", "delivered", "failed", "dropped"]), name="delivery_status_known"
            ),
            models.CheckConstraint(
                condition=Q(status="pending", finished_at__isnull=True)
                | ~Q(status="pending") & Q(finished_at__isnull=False),
                name="delivery_finished_unless_pending",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["endpoint", "due_at", "id"], condition=Q(status="pending"), name="delivery_due"),
            models.Index(fields=["project", "-id"], name="delivery_by_project"),
            models.Index(fields=["project", "status", "-id"], name="delivery_by_status"),
            models.Index(fields=["channel", "-id"], name="delivery_by_channel"),
            models.Index(fields=["channel", "status", "-id"], name="delivery_by_channel_status"),
            models.Index(fields=["digest"], condition=Q(digest__isnull=False), name="delivery_by_digest"),
        ]

    def __str__(self) -> str:
        return f"{self.status} delivery {self.pk}"


class Attempt(models.Model):
    """One try to deliver, and what came of it."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField()
    took_ms = models.PositiveIntegerField()
    succeeded = models.BooleanField()
    code = models.PositiveSmallIntegerField(null=True, help_text="The HTTP status, where there was one.")
    detail = models.CharField(max_length=300, blank=True, help_text="What went wrong, in words.")

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"attempt at delivery {self.delivery_id}"
