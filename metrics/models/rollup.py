"""Figures by minute and dimensions: what every chart and tile reads."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Rollup(models.Model):
    """A row of `metrics_rollup`, merged by ingest in the transaction that stores the spans.

    Sums may be corrected downwards later: a late child takes its parent's usage out of the totals. `histogram` holds
    sorted pairs (bucket, count) of span durations, see `metrics.histogram`.
    """

    pk = models.CompositePrimaryKey(
        "project_id", "minute", "entry", "kind", "name", "agent", "agent_version", "environment", "model", "provider"
    )
    project_id = models.BigIntegerField()
    minute = models.DateTimeField()
    entry = models.BooleanField()
    kind = models.TextField()
    name = models.TextField()
    agent = models.TextField()
    agent_version = models.TextField()
    environment = models.TextField()
    model = models.TextField()
    provider = models.TextField()
    span_count = models.BigIntegerField(default=0)
    error_count = models.BigIntegerField(default=0)
    unpriced_count = models.BigIntegerField(default=0)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cache_read_tokens = models.BigIntegerField(default=0)
    cache_write_tokens = models.BigIntegerField(default=0)
    reasoning_tokens = models.BigIntegerField(default=0)
    cost_nanos = models.BigIntegerField(default=0)
    duration_sum_ns = models.DecimalField(max_digits=30, decimal_places=0, default=0)
    histogram = ArrayField(models.IntegerField(), default=list)

    class Meta:
        db_table = "metrics_rollup"

    def __str__(self) -> str:
        return f"{self.minute:%Y-%m-%d %H:%M} {self.kind} {self.name}"
