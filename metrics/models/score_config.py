"""What scores of a name must look like, agreed once per project."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _


class DataType(models.TextChoices):
    """What a score says: a number, one of some labels, yes or no, or free words."""

    NUMERIC = "numeric", _("number")
    CATEGORICAL = "categorical", _("category")
    BOOLEAN = "boolean", _("yes or no")
    TEXT = "text", _("text")


class ScoreConfigQuerySet(models.QuerySet["ScoreConfig"]):
    """Chainable reads of score configs."""

    def open(self) -> Self:
        """Those that still hold: not archived."""
        return self.filter(archived_at__isnull=True)


class ScoreConfig(models.Model):
    """The form of all scores of one name. An archived one binds nobody any more; scores given under it stay.

    `categories` are objects of a `label` and a `value`: what the label counts as where scores are averaged, or null.
    """

    project = models.ForeignKey("agents.Project", on_delete=models.CASCADE, related_name="score_configs")
    name = models.CharField(max_length=120)
    data_type = models.CharField(max_length=12, choices=DataType.choices)
    min_value = models.FloatField(null=True)
    max_value = models.FloatField(null=True)
    categories = models.JSONField(default=list)
    description = models.CharField(max_length=1_000, blank=True, default="")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True)

    objects = ScoreConfigQuerySet.as_manager()

    class Meta:
        db_table = "metrics_score_config"
        constraints: ClassVar = [
            models.UniqueConstraint(
                "project", Lower("name"), condition=Q(archived_at__isnull=True), name="score_config_name"
            ),
            models.CheckConstraint(condition=Q(data_type__in=DataType.values), name="score_config_type_known"),
            models.CheckConstraint(
                condition=Q(min_value__isnull=True) | Q(max_value__isnull=True) | Q(min_value__lte=F("max_value")),
                name="score_config_bounds",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["project", "id"], name="score_config_project")]

    def __str__(self) -> str:
        return self.name
