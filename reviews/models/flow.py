"""How requests flow through the queue: what happened, until it is counted, and the counts by hour and day."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Dimension(models.TextChoices):
    """What the counts are told apart by, one at a time."""

    ALL = "all"
    ACTION = "action"
    AGENT = "agent"
    TEAM = "team"
    REVIEWER = "reviewer"


class FlowEntry(models.Model):
    """A request that arrived or closed and is not counted yet.

    Written in the transaction in which that happened; `services.flow.count` counts it and deletes the row. So no
    transaction waits for another one's row of counts, and nothing that was committed can be missed or counted twice.
    """

    class Kind(models.TextChoices):
        ARRIVAL = "arrival"
        CLOSING = "closing"

    project = models.ForeignKey("agents.Project", on_delete=models.PROTECT, related_name="+", db_index=False)
    approval = models.ForeignKey("reviews.Approval", on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=8, choices=Kind.choices)

    def __str__(self) -> str:
        return f"{self.kind} of {self.approval_id}"


class FlowRollup(models.Model):
    """Counts of one hour, one day (UTC), or all time (`all` only) for one value of one dimension.

    In rows of a reviewer the verdicts are those of that person's decisions, in all others those that closed requests.
    Times are histograms as in `metrics.histogram`; `..._offset` are sums of seconds since `start`, out of which the
    queue's length is integrated exactly.
    """

    project = models.ForeignKey("agents.Project", on_delete=models.PROTECT, related_name="+", db_index=False)
    seconds = models.PositiveIntegerField(help_text="3600, 86400, or 0: all time.")
    dimension = models.CharField(max_length=8, choices=Dimension.choices)
    start = models.DateTimeField()
    value = models.CharField(max_length=200, blank=True, help_text="Of a reviewer the id.")

    arrivals = models.BigIntegerField(default=0)
    arrivals_offset = models.FloatField(default=0)
    closings = models.BigIntegerField(default=0)
    closings_offset = models.FloatField(default=0)
    approved = models.BigIntegerField(default=0, help_text="As proposed.")
    edited = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)
    answered = models.BigIntegerField(default=0)
    mixed = models.BigIntegerField(default=0)
    expired = models.BigIntegerField(default=0)
    timed_out = models.BigIntegerField(default=0, help_text="Approved by the deadline, by no person.")
    cancelled = models.BigIntegerField(default=0)
    automatic = models.BigIntegerField(default=0, help_text="Closed by the policy without having waited.")
    suggested = models.BigIntegerField(default=0, help_text="Decisions where the agent had suggested a verdict.")
    overridden = models.BigIntegerField(default=0, help_text="Those of them that went against it.")
    decisions = models.BigIntegerField(default=0)
    hasty = models.BigIntegerField(default=0, help_text="Approvals faster than the arguments can be read.")
    wait_sum = models.FloatField(default=0, help_text="Seconds, of requests that people decided.")
    stay_sum = models.FloatField(default=0, help_text="Seconds in the queue, of all that closed.")
    timed = models.BigIntegerField(default=0, help_text="Decisions of which the time spent is known.")
    timed_sum = models.FloatField(default=0, help_text="Seconds spent on them.")
    waits = ArrayField(models.IntegerField(), default=list)
    times_short = ArrayField(models.IntegerField(), default=list, help_text="On short arguments.")
    times_long = ArrayField(models.IntegerField(), default=list, help_text="On long arguments.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "seconds", "dimension", "start", "value"], name="reviews_flow_rollup_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.dimension} {self.value} at {self.start:%Y-%m-%d %H:%M}"
