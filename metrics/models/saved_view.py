"""Filters that somebody saved under a name."""

from typing import ClassVar

from django.conf import settings
from django.db import models


class SavedView(models.Model):
    """The address of a list page without the place in it. A shared one is everybody's to open."""

    project = models.ForeignKey("agents.Project", on_delete=models.CASCADE, related_name="saved_views")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=80)
    page = models.CharField(max_length=40, help_text="Name of the page's URL.")
    query = models.CharField(max_length=2_000, blank=True)
    shared = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "metrics_saved_view"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "owner", "name"], name="saved_view_name"),
            models.CheckConstraint(condition=~models.Q(name=""), name="saved_view_named"),
        ]
        indexes: ClassVar = [models.Index(fields=["project", "page", "shared"], name="saved_view_page")]

    def __str__(self) -> str:
        return self.name
