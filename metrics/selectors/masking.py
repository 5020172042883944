"""What a project masks, and what was masked."""

from datetime import date

from django.db.models import Sum

from agents.models import Project
from metrics.models import MaskedCount, MaskingPolicy


def policy_of(project: Project) -> MaskingPolicy:
    """The project's policy; an unsaved one with the defaults where it never chose."""
    return MaskingPolicy.objects.filter(project=project).first() or MaskingPolicy(project=project)


def masked_since(project: Project, day: date) -> dict[str, int]:
    """How often each kind was masked in what arrived since a day (UTC), most first."""
    found = MaskedCount.objects.filter(project=project, day__gte=day).values_list("kind").annotate(Sum("count"))
    return dict(sorted(found, key=lambda row: (-row[1], row[0])))
