"""First answers to requests that carried an Idempotency-Key, so that a retry gets the same one."""

from typing import ClassVar

from django.db import models

from agents.models.project import Project


class IdempotencyRecord(models.Model):
    """One key of one caller on one path: the hash of the body it came with and what was answered."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    caller = models.CharField(max_length=40)
    path = models.CharField(max_length=200)
    key = models.CharField(max_length=255)
    body_hash = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField(default=0)
    response = models.BinaryField(default=b"")
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "caller", "path", "key"], name="one_answer_per_key")
        ]
        indexes: ClassVar = [models.Index(fields=["created_at"], name="idempotency_by_age")]

    def __str__(self) -> str:
        return f"{self.path} {self.key}"
