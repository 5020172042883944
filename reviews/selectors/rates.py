"""How often what an agent asked for was approved, version by version."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q

from agents.models import Project
from metrics import comparison
from metrics.comparison import Interval
from reviews import states
from reviews.models import Approval

# The latest decided requests of the agent are read, never more.
DECISIONS_READ = 5_000


@dataclass(frozen=True)
class Rate:
    """Requests of one version that people decided, and how many of them they let happen, as they were or edited."""

    version: str
    decided: int
    approved: int
    edited: int

    @property
    def share(self) -> Interval:
        """Approved of decided, with its 95 % interval (Wilson)."""
        return comparison.share(self.approved, self.decided)


def of_agent(project: Project, agent: str, since: datetime) -> list[Rate]:
    """The rates of an agent's versions, the most decided first. One bounded query."""
    latest = Approval.objects.filter(
        project=project, agent=agent, requested_at__gte=since, status__in=sorted(states.DECIDED)
    ).order_by("-requested_at", "-id")
    chosen = Approval.objects.filter(pk__in=latest.values("pk")[:DECISIONS_READ])
    rows = chosen.values("agent_version").annotate(
        decided=Count("pk"),
        approved=Count("pk", filter=Q(status=states.Status.APPROVED)),
        edited=Count("pk", filter=Q(status=states.Status.APPROVED, verdict=states.Verdict.EDIT)),
    )
    rates = [Rate(row["agent_version"], row["decided"], row["approved"], row["edited"]) for row in rows.order_by()]
    return sorted(rates, key=lambda rate: (-rate.decided, rate.version))
