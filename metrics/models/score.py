"""What somebody or something thought of a trace, a span or a session: a number, a label, or both."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from metrics.models.score_config import DataType


class Source(models.TextChoices):
    """Who judged: a person in the console, the agent's own code, an evaluator, whoever the agent serves, or a file."""

    HUMAN = "human"
    SDK = "sdk"
    EVALUATION = "evaluation"
    END_USER = "end_user"
    IMPORT = "import"


class Score(models.Model):
    """A judgement of a trace, of one span of it when `span_id` is given, or of a session.

    No foreign key to the trace: a score may come before its trace does. `external_id` is the sender's own id: sent
    again, the score is corrected instead of added. `data_type` is empty where neither the sender nor a config of this
    name says what sort of score it is.
    """

    project = models.ForeignKey("agents.Project", on_delete=models.CASCADE, related_name="scores")
    trace_id = models.BinaryField(max_length=16, null=True)
    span_id = models.BinaryField(max_length=8, null=True)
    session_id = models.TextField(blank=True, default="", db_default="")
    name = models.CharField(max_length=120)
    data_type = models.CharField(max_length=12, choices=DataType.choices, blank=True, default="", db_default="")
    value = models.FloatField(null=True)
    label = models.CharField(max_length=500, blank=True, default="")
    comment = models.TextField(blank=True, default="")
    source = models.CharField(max_length=16, choices=Source.choices)
    author_user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    author = models.CharField(max_length=200, help_text="Name of the person, key or file at the time.")
    external_id = models.CharField(max_length=200, null=True)
    metadata = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "metrics_score"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "external_id"], name="score_external_id"),
            models.CheckConstraint(condition=Q(value__isnull=False) | ~Q(label=""), name="score_says_something"),
            models.CheckConstraint(condition=Q(source__in=Source.values), name="score_source_known"),
            models.CheckConstraint(
                condition=Q(trace_id__isnull=False) | (Q(span_id__isnull=True) & ~Q(session_id="")),
                name="score_about_something",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "trace_id", "-id"], name="score_by_trace"),
            models.Index(fields=["project", "-id"], name="score_by_time"),
            models.Index(fields=["project", "session_id", "-id"], condition=~Q(session_id=""), name="score_by_session"),
            models.Index(fields=["project", "name", "-id"], name="score_by_name"),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.label or self.value}"
