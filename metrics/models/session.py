"""Sessions: what the traces of one conversation add up to."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Session(models.Model):
    """A row of `metrics_session`, made from the summaries of its traces shortly after they change.

    Times are nanoseconds since 1970 (UTC), money nano-USD. The row lags behind its traces by a few seconds and is
    derived alone: it can be dropped and made again (`metrics.services.sessions`).
    """

    pk = models.CompositePrimaryKey("project_id", "session_id")
    project_id = models.BigIntegerField()
    session_id = models.TextField()
    first_ns = models.BigIntegerField(help_text="Start of the first trace.")
    last_ns = models.BigIntegerField(help_text="Latest end of any trace.")
    trace_count = models.IntegerField()
    failed_count = models.IntegerField(help_text="Traces that ended in an error.")
    error_count = models.BigIntegerField(help_text="Spans that failed.")
    cost_nanos = models.BigIntegerField()
    unpriced_count = models.BigIntegerField()
    input_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    user_id = models.TextField(default="")
    environment = models.TextField(default="")
    agents = ArrayField(models.TextField(), default=list)
    last_trace_id = models.BinaryField(max_length=16)
    last_name = models.TextField()
    last_status = models.TextField(help_text="Of the trace that began last: ok, error or waiting.")
    updated_at = models.DateTimeField()
    # Last, because from here on the name no longer means the module.
    models = ArrayField(models.TextField(), default=list)

    class Meta:
        db_table = "metrics_session"

    def __str__(self) -> str:
        return self.session_id

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    @property
    def span_ns(self) -> int:
        """From the start of the first trace to the end of the last, pauses included."""
        return self.last_ns - self.first_ns
