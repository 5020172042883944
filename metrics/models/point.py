"""Metric points as the sender measured them. They never add to the totals of spans."""

from django.db import models


class Point(models.Model):
    """A point of `metrics_point`, partitioned by day of `time_ns`.

    `series` is a digest of kind, unit, scope, resource and attributes: points with one name and series form a line.
    """

    pk = models.CompositePrimaryKey("project_id", "name", "series", "time_ns")
    project_id = models.BigIntegerField()
    name = models.TextField()
    series = models.BinaryField(max_length=16)
    time_ns = models.BigIntegerField()
    start_ns = models.BigIntegerField(null=True)
    received_at = models.DateTimeField()
    kind = models.TextField(help_text="gauge, sum, histogram, exponential_histogram or summary")
    temporality = models.TextField(default="", help_text="delta, cumulative or empty")
    monotonic = models.BooleanField(default=False)
    unit = models.TextField(default="")
    value = models.FloatField(null=True, help_text="Of a gauge or a sum.")
    count = models.BigIntegerField(null=True)
    total = models.FloatField(null=True, help_text="Sum of the values of a histogram or a summary.")
    minimum = models.FloatField(null=True)
    maximum = models.FloatField(null=True)
    histogram = models.BinaryField(null=True, help_text="Packed buckets or quantiles.")
    attributes = models.JSONField(default=dict)
    service = models.TextField(default="")
    environment = models.TextField(default="")

    class Meta:
        db_table = "metrics_point"

    def __str__(self) -> str:
        return self.name
