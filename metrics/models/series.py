"""The catalogue of metrics: which names and which series there are. Points themselves are in `metrics_point`."""

from django.db import models


class Metric(models.Model):
    """A row of `metrics_metric`: one metric name, as one kind. Times are those of its points, in ns since 1970."""

    pk = models.CompositePrimaryKey("project_id", "name", "kind")
    project_id = models.BigIntegerField()
    name = models.TextField()
    kind = models.TextField(help_text="gauge, sum, histogram, exponential_histogram or summary")
    temporality = models.TextField()
    monotonic = models.BooleanField()
    unit = models.TextField()
    first_ns = models.BigIntegerField()
    last_ns = models.BigIntegerField(help_text="At most a minute behind the last point.")
    overflow_ns = models.BigIntegerField(null=True, help_text="When a series was last left out: there were too many.")

    class Meta:
        db_table = "metrics_metric"

    def __str__(self) -> str:
        return self.name


class Series(models.Model):
    """A row of `metrics_series`: one line of points of a metric and what tells it from the others."""

    pk = models.CompositePrimaryKey("project_id", "name", "series")
    project_id = models.BigIntegerField()
    name = models.TextField()
    kind = models.TextField()
    series = models.BinaryField(max_length=16)
    temporality = models.TextField()
    monotonic = models.BooleanField()
    unit = models.TextField()
    attributes = models.JSONField(default=dict)
    service = models.TextField(default="")
    environment = models.TextField(default="")
    first_ns = models.BigIntegerField()
    last_ns = models.BigIntegerField(help_text="At most a minute behind the last point.")

    class Meta:
        db_table = "metrics_series"

    def __str__(self) -> str:
        return self.name
