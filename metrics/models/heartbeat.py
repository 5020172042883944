"""The last sign of life of each agent."""

from django.db import models


class Heartbeat(models.Model):
    """What an agent last said about itself; one row per project and agent name."""

    project = models.ForeignKey("agents.Project", on_delete=models.CASCADE, related_name="heartbeats")
    agent = models.CharField(max_length=120)
    status = models.CharField(max_length=40)
    components = models.JSONField(default=dict)
    circuit_breakers = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "agent"], name="metrics_heartbeat_agent")]

    def __str__(self) -> str:
        return f"{self.agent}: {self.status}"
