"""Who has a request open just now."""

from __future__ import annotations

from agents.models import User
from console.lib import live, presence
from reviews.models import Approval


def looking_at(approval: Approval, *, besides: User) -> list[User]:
    """The people who have a request open in a tab that is shown, by name, without one of them.

    One read of Valkey, and one query when there is anybody.
    """
    group = live.project_group(approval.project_id, f"looking.{approval.pk}")
    found = presence.people_in(group) - {besides.pk}
    if not found:
        return []
    people = User.objects.filter(pk__in=found, memberships__project=approval.project_id)
    return sorted(people, key=lambda person: (person.display_name.casefold(), person.pk))
