"""What checks of text have found: flags of spans, how many there were, and which patterns a project does without."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models


class Flag(models.Model):
    """The flags of one span, in `metrics_flag`, partitioned by day of `start_ns`; spans without any have no row.

    Written by `metrics.services.flags`. `flags` are objects as `metrics.checks.flag.Flag.document` makes them.
    """

    pk = models.CompositePrimaryKey("project_id", "trace_id", "span_id", "start_ns")
    project_id = models.BigIntegerField()
    trace_id = models.BinaryField(max_length=16)
    span_id = models.BinaryField(max_length=8)
    start_ns = models.BigIntegerField()
    flags = models.JSONField()

    class Meta:
        db_table = "metrics_flag"

    def __str__(self) -> str:
        return f"{len(self.flags)} flags"


class FlagCount(models.Model):
    """How many spans and traces that began on a UTC day were flagged.

    `name` is empty for all that were checked, else a kind of pattern (`injection`) or the id of one
    (`injection.override`). A trace counts for every agent and version that has a span in it.
    """

    pk = models.CompositePrimaryKey("project_id", "day", "agent", "agent_version", "name")
    project_id = models.BigIntegerField()
    day = models.DateField()
    agent = models.TextField()
    agent_version = models.TextField()
    name = models.TextField()
    spans = models.BigIntegerField()
    traces = models.BigIntegerField()

    class Meta:
        db_table = "metrics_flag_count"

    def __str__(self) -> str:
        return f"{self.name or 'checked'} on {self.day}: {self.traces}"


class CheckPolicy(models.Model):
    """The patterns that a project does without. Projects without a row use them all."""

    project = models.OneToOneField(
        "agents.Project", on_delete=models.CASCADE, primary_key=True, related_name="check_policy"
    )
    off = ArrayField(models.CharField(max_length=60), default=list, help_text="Ids of patterns.")
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        db_table = "metrics_check_policy"

    def __str__(self) -> str:
        return f"checks of {self.project_id}: {len(self.off)} off"
