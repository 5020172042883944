"""One finished operation of an agent: the row that every figure is derived from."""

from django.db import models


class Span(models.Model):
    """A span of `metrics_span`, partitioned by day of `start_ns`.

    Written by COPY only (`metrics.ingest.writer`), never through the ORM. No foreign keys: the table may be distributed
    by `trace_id`. Times are nanoseconds since 1970 (UTC), money nano-USD (1e-9 USD), ids raw bytes.
    `detail` is packed by `metrics.ingest.packing`.
    """

    pk = models.CompositePrimaryKey("project_id", "trace_id", "span_id", "start_ns")
    project_id = models.BigIntegerField()
    trace_id = models.BinaryField(max_length=16)
    span_id = models.BinaryField(max_length=8)
    start_ns = models.BigIntegerField()
    duration_ns = models.BigIntegerField()
    received_at = models.DateTimeField()
    parent_span_id = models.BinaryField(max_length=8, null=True)
    entry = models.BooleanField(help_text="No parent, or a parent in another process.")
    noise = models.BooleanField(default=False, help_text="Of an HTTP client or the like; folded away.")
    name = models.TextField()
    kind = models.TextField()
    status = models.TextField(help_text="ok, error or waiting")
    error_type = models.TextField(default="")
    error_message = models.TextField(default="")
    model = models.TextField(default="")
    provider = models.TextField(default="")
    tool = models.TextField(default="")
    agent = models.TextField(default="")
    agent_stated = models.BooleanField(default=True, help_text="Else the agent is that of a span above.")
    agent_id = models.TextField(default="")
    agent_version = models.TextField(default="")
    session_id = models.TextField(default="")
    user_id = models.TextField(default="")
    environment = models.TextField(default="")
    service = models.TextField(default="")
    input_tokens = models.IntegerField(null=True, help_text="Cached tokens included.")
    output_tokens = models.IntegerField(null=True, help_text="Reasoning tokens included.")
    cache_read_tokens = models.IntegerField(null=True)
    cache_write_tokens = models.IntegerField(null=True)
    reasoning_tokens = models.IntegerField(null=True)
    usage_counted = models.BooleanField(default=False, help_text="Tokens and cost are in the totals of the trace.")
    cost_nanos = models.BigIntegerField(null=True, help_text="The cost that is shown; see cost_source.")
    reported_cost_nanos = models.BigIntegerField(null=True, help_text="What the sender said that it cost.")
    cost_source = models.TextField(default="", help_text="computed, reported, unpriced or empty (no usage)")
    price_version = models.TextField(default="")
    finish_reason = models.TextField(default="")
    ttft_ns = models.BigIntegerField(null=True)
    streaming = models.BooleanField(null=True)
    prompt_name = models.TextField(default="")
    prompt_version = models.TextField(default="")
    detail = models.BinaryField()

    class Meta:
        db_table = "metrics_span"

    def __str__(self) -> str:
        return self.name
