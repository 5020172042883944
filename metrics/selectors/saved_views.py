"""Saved views of a page, as one person sees them."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from metrics.models import SavedView

# More than a menu can hold are not shown; who has as many finds them by name.
MOST_SHARED = 100


@dataclass(frozen=True, slots=True)
class Views:
    """One's own and those that others share."""

    own: Sequence[SavedView]
    shared: Sequence[SavedView]


def of_page(project_id: int, page: str, person_id: int) -> Views:
    """The views of a page by name. One query."""
    rows = SavedView.objects.filter(Q(owner=person_id) | Q(shared=True), project=project_id, page=page)
    own: list[SavedView] = []
    shared: list[SavedView] = []
    for view in rows.select_related("owner").order_by("name", "pk"):
        (own if view.owner_id == person_id else shared).append(view)
    return Views(own, shared[:MOST_SHARED])
