"""What was done by whom. Rows are written with the change they tell of and never change."""

from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models

from agents.models.project import Project


class AuditEvent(models.Model):
    """One act: who (person, key or the system), what, on which object, with what detail, when."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, null=True, related_name="audit_events")
    actor_user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    actor_key = models.ForeignKey("agents.ApiKey", on_delete=models.PROTECT, null=True, related_name="+")
    actor_label = models.CharField(max_length=200)
    action = models.CharField(max_length=64)
    target = models.CharField(max_length=200)
    detail = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["project", "-at", "-id"], name="audit_by_time")]
        triggers: ClassVar = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.actor_label}: {self.action} {self.target}"
