"""Log records, joined to spans by trace and span id."""

from django.db import models


class Log(models.Model):
    """A log record of `metrics_log`, partitioned by day of `time_ns`.

    `id` is a digest of the record, so that a record that is sent again meets itself. `body` is the text to read and to
    search; the structured body and the attributes are in `detail`, packed by `metrics.ingest.packing`.
    """

    pk = models.CompositePrimaryKey("project_id", "time_ns", "id")
    project_id = models.BigIntegerField()
    time_ns = models.BigIntegerField()
    id = models.BinaryField(max_length=16)
    received_at = models.DateTimeField()
    trace_id = models.BinaryField(max_length=16, null=True)
    span_id = models.BinaryField(max_length=8, null=True)
    severity = models.SmallIntegerField(default=0, help_text="OTLP severity number; 0 unknown, from 17 an error.")
    severity_text = models.TextField(default="")
    event_name = models.TextField(default="")
    service = models.TextField(default="")
    environment = models.TextField(default="")
    body = models.TextField(default="")
    detail = models.BinaryField()

    class Meta:
        db_table = "metrics_log"

    def __str__(self) -> str:
        return self.event_name or self.body[:80]
