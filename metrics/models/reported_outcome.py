"""How approved actions went, as spans report it: noted by ingest for whoever keeps approvals."""

from typing import ClassVar

from django.db import models
from django.db.models import Q


class ReportedOutcome(models.Model):
    """What one span said. Kept a while after it was taken, so that a span that is sent again says nothing new."""

    project_id = models.BigIntegerField()
    trace_id = models.BinaryField(max_length=16)
    span_id = models.BinaryField(max_length=8)
    ended_at = models.DateTimeField(help_text="When the span ended: the moment of which it speaks.")
    approval = models.CharField(max_length=64, help_text="The id of the request, as the span has it.")
    status = models.CharField(max_length=32)
    detail = models.JSONField(default=dict)
    noted_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "metrics_reported_outcome"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project_id", "trace_id", "span_id"], name="reported_outcome_of_span")
        ]
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=Q(taken_at__isnull=True), name="reported_outcome_waiting"),
            models.Index(fields=["taken_at"], condition=Q(taken_at__isnull=False), name="reported_outcome_taken"),
        ]

    def __str__(self) -> str:
        return f"{self.status} of {self.approval}"
