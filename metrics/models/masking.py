"""What a project masks in telemetry before it is stored, and how much was masked."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from metrics.ingest.masking_rules import KINDS


class MaskingMode(models.TextChoices):
    """What stands in place of what was masked: its kind, or its kind and a pseudonym."""

    REDACT = "redact"
    PSEUDONYM = "pseudonym"


def all_kinds() -> list[str]:
    """Every built-in kind."""
    return list(KINDS)


class MaskingPolicy(models.Model):
    """A project's own choice. Projects without one mask every kind by redaction."""

    project = models.OneToOneField(
        "agents.Project", on_delete=models.CASCADE, primary_key=True, related_name="masking_policy"
    )
    enabled = models.BooleanField(default=True)
    mode = models.CharField(max_length=16, choices=MaskingMode.choices, default=MaskingMode.REDACT)
    kinds = ArrayField(models.CharField(max_length=40), default=all_kinds)
    patterns = models.JSONField(default=list, help_text="Objects with a name and a pattern of RE2.")
    changed_at = models.DateTimeField(null=True)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        db_table = "metrics_masking_policy"
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(mode__in=MaskingMode.values), name="masking_mode_known")
        ]

    def __str__(self) -> str:
        return f"masking of {self.project_id}: {self.mode if self.enabled else 'off'}"


class MaskedCount(models.Model):
    """How often a kind was masked in what arrived on a day (UTC)."""

    project = models.ForeignKey("agents.Project", on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    kind = models.CharField(max_length=40)
    count = models.BigIntegerField()

    class Meta:
        db_table = "metrics_masked_count"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "day", "kind"], name="one_masked_count_a_day")
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.day}: {self.count}"
