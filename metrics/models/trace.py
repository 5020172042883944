"""The summary of a trace, kept up to date by ingest, so that lists never scan spans."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Trace(models.Model):
    """One row per trace of a project in `metrics_trace`. Not partitioned: expires by batched deletes."""

    pk = models.CompositePrimaryKey("project_id", "trace_id")
    project_id = models.BigIntegerField()
    trace_id = models.BinaryField(max_length=16)
    root_name = models.TextField(help_text="Name of the root, or of the first span while no root is known.")
    start_ns = models.BigIntegerField()
    end_ns = models.BigIntegerField()
    duration_ns = models.BigIntegerField()
    status = models.TextField(help_text="ok, error or waiting; of the root, without a root of any span")
    root_status = models.TextField(default="")
    error_count = models.IntegerField(default=0)
    waiting_count = models.IntegerField(default=0)
    span_count = models.IntegerField(default=0)
    agents = ArrayField(models.TextField(), default=list)
    tags = ArrayField(models.TextField(), default=list)
    error_types = ArrayField(models.TextField(), default=list)
    facets = ArrayField(models.BigIntegerField(), default=list, help_text="See metrics.facets.")
    session_id = models.TextField(default="")
    user_id = models.TextField(default="")
    environment = models.TextField(default="")
    team = models.TextField(default="")
    agent_version = models.TextField(default="")
    prompt_name = models.TextField(default="")
    prompt_version = models.TextField(default="")
    metadata = models.JSONField(default=dict)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cache_read_tokens = models.BigIntegerField(null=True, help_text="Null while no counted span reported it.")
    cache_write_tokens = models.BigIntegerField(null=True)
    reasoning_tokens = models.BigIntegerField(null=True)
    cost_nanos = models.BigIntegerField(default=0)
    unpriced_count = models.IntegerField(default=0, help_text="Counted spans whose model has no known price.")
    has_root = models.BooleanField(default=False)
    # Of the spans that the name, session_id to prompt_version, and each key of the metadata come from.
    ranks = ArrayField(models.BinaryField(), default=list)
    metadata_ranks = models.JSONField(default=dict)
    updated_at = models.DateTimeField()
    # Last, because from here on the name no longer means the module.
    models = ArrayField(models.TextField(), default=list)

    class Meta:
        db_table = "metrics_trace"

    def __str__(self) -> str:
        return self.root_name
