"""What a project asks of its agents, and how they have done by day."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from metrics.evaluation import TARGETS, WEIGHTS

SCORE_NAMES = ("correctness", "accuracy", "correct", "success")
"""Scores of these names say whether a trace was right, unless the project names others."""


def default_targets() -> dict[str, Any]:
    """The target of every dimension."""
    return {str(name): value for name, value in TARGETS.items()}


def default_weights() -> dict[str, Any]:
    """The weight of every dimension."""
    return {str(name): value for name, value in WEIGHTS.items()}


def default_score_names() -> list[str]:
    """The scores that count as correctness."""
    return list(SCORE_NAMES)


class EvaluationStandard(models.Model):
    """A project's own targets and weights by dimension (metrics.evaluation). Projects without one have the defaults."""

    project = models.OneToOneField(
        "agents.Project", on_delete=models.CASCADE, primary_key=True, related_name="evaluation_standard"
    )
    targets = models.JSONField(default=default_targets)
    weights = models.JSONField(default=default_weights)
    score_names = ArrayField(
        models.CharField(max_length=120),
        default=default_score_names,
        help_text="Scores of these names, from 0 to 1 or in the range of their config, say whether a trace was right.",
    )
    attribute = models.CharField(
        max_length=120, blank=True, default="", help_text="Key of the metadata by which groups are compared."
    )
    changed_at = models.DateTimeField(null=True)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        db_table = "metrics_evaluation_standard"

    def __str__(self) -> str:
        return f"evaluation standard of {self.project_id}"


class Evaluation(models.Model):
    """How one version of an agent did in the days up to the end of `day` (UTC), by the standard of that time."""

    project = models.ForeignKey("agents.Project", on_delete=models.CASCADE, related_name="+", db_index=False)
    agent = models.TextField()
    agent_version = models.TextField(blank=True)
    day = models.DateField()
    overall = models.FloatField(null=True, help_text="0 to 100; null without any data.")
    covered = models.FloatField(help_text="How much of the weights the overall score stands on, 0 to 1.")
    requests = models.BigIntegerField()
    dimensions = models.JSONField(help_text="By dimension: value, low, high, count, target, goodness; null: no data.")
    written_at = models.DateTimeField()

    class Meta:
        db_table = "metrics_evaluation"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "agent", "day", "agent_version"], name="one_evaluation_a_day")
        ]
        indexes: ClassVar = [models.Index(fields=["day"], name="evaluation_by_day")]

    def __str__(self) -> str:
        return f"{self.agent} {self.agent_version} on {self.day}"
