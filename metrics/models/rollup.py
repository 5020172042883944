"""Figures by minute and dimensions: what every chart and tile reads."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Rollup(models.Model):
    """A row of `metrics_rollup`: the spans of one period of `seconds` from `start` with the same dimensions.

    Minutes (60) are merged by ingest in the transaction that stores the spans; the longer periods are made from them
    (`metrics.services.compaction`). Sums may be corrected downwards later: a late child takes its parent's usage out
    of the totals. `histogram` holds pairs (bucket, count) of span durations in any order, a bucket perhaps repeatedly,
    see `metrics.histogram`. Longer periods also have it `packed`, see `metrics.selectors.rollups`.
    """

    pk = models.CompositePrimaryKey(
        "project_id", "seconds", "start", "entry", "kind", "name", "agent", "agent_version", "environment", "model",
        "provider", "status",
    )  # fmt: skip
    project_id = models.BigIntegerField()
    seconds = models.IntegerField(help_text="60 for a minute; 900, 3600 and 86400 are compacted.")
    start = models.DateTimeField()
    entry = models.BooleanField()
    kind = models.TextField()
    name = models.TextField()
    agent = models.TextField()
    agent_version = models.TextField()
    environment = models.TextField()
    model = models.TextField()
    provider = models.TextField()
    status = models.TextField()
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
    packed = models.BinaryField(null=True, help_text="The histogram, ready to be read.")

    class Meta:
        db_table = "metrics_rollup"

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d %H:%M} {self.kind} {self.name}"
