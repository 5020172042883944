"""What a person's bell keeps until they have read it."""

from typing import ClassVar, Self

from django.conf import settings
from django.db import models

from agents.models.project import Project


class NotificationQuerySet(models.QuerySet["Notification"]):
    """Chainable reads of notifications."""

    def of(self, user_id: int) -> Self:
        """One person's, of the projects that they still belong to."""
        return self.filter(user_id=user_id, project__memberships__user_id=user_id)

    def unread(self) -> Self:
        """Those not read yet."""
        return self.filter(read_at__isnull=True)


class Notification(models.Model):
    """One line in one person's bell. `url` is a path of this site, made by us."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    body = models.CharField(max_length=500, blank=True)
    url = models.CharField(max_length=300)
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["user", "-id"], name="notification_by_user"),
            models.Index(fields=["user"], condition=models.Q(read_at__isnull=True), name="notification_unread"),
            models.Index(fields=["url"], condition=models.Q(read_at__isnull=True), name="notification_unread_by_url"),
        ]

    def __str__(self) -> str:
        return self.title
