"""Keys that agents and other programs hold. A key belongs to a project and has scopes."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from agents.models.credential import Credential
from agents.models.project import Project

PREFIX = "hr_"


class ApiKey(Credential):
    """An agent's key: `hr_` and 32 random bytes, stored as SHA-256."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="api_keys")
    scopes = ArrayField(models.CharField(max_length=32))
    allowed_networks = ArrayField(models.CharField(max_length=49), default=list, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    replaced_by = models.OneToOneField(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="replaces"
    )
