"""What a day cost by end user, team and tag."""

from django.db import models


class Spend(models.Model):
    """A row of `metrics_spend`: the traces that began on a UTC day and belong to one value of a dimension.

    Dimensions are user, team and tag; a trace counts for each of its tags, and for '' without any. One row may stand
    for `value_count` values that are not told apart. Written by `metrics.services.spend`.
    """

    pk = models.CompositePrimaryKey("project_id", "day", "dimension", "value")
    project_id = models.BigIntegerField()
    day = models.DateField()
    dimension = models.TextField()
    value = models.TextField()
    trace_count = models.BigIntegerField(default=0)
    cost_nanos = models.BigIntegerField(default=0)
    unpriced_count = models.BigIntegerField(default=0)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cache_read_tokens = models.BigIntegerField(default=0)
    cache_write_tokens = models.BigIntegerField(default=0)
    reasoning_tokens = models.BigIntegerField(default=0)
    value_count = models.IntegerField(default=1)

    class Meta:
        db_table = "metrics_spend"

    def __str__(self) -> str:
        return f"{self.day} {self.dimension} {self.value}"
