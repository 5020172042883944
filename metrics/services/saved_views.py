"""Saving, renaming, sharing and deleting views of list pages."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.http import QueryDict
from django.utils.translation import gettext as _

from agents.models import Project, User
from agents.services import audit
from metrics.models import SavedView

# Pages whose address can be saved, each with the name of its URL.
PAGES = {
    **{page: f"metrics:{page}" for page in ("traces", "overview", "sessions", "agents", "costs", "logs", "metrics")},
    "queue": "reviews:queue",
}
MOST_PER_PERSON = 100
LONGEST_NAME = 80
LONGEST_QUERY = 2_000
# Where somebody stood in the list is no part of what they looked for.
PLACE = ("cursor", "before", "after", "seen", "waiting", "tail", "item", "selected", "shown")


class Refused(Exception):
    """The view cannot be kept like this; the message says why."""


def save(*, project: Project, by: User, name: str, page: str, query: str, shared: bool, now: datetime) -> SavedView:
    """Keeps the query of a page under a name. Raises Refused."""
    if page not in PAGES:
        raise Refused(_("This page has no views to save."))
    kept = _query(query)
    with transaction.atomic():
        # Whoever saves twice at once must not get past the limit.
        User.objects.select_for_update().get(pk=by.pk)
        if SavedView.objects.filter(project=project, owner=by).count() >= MOST_PER_PERSON:
            raise Refused(_("You have %(most)s saved views here: delete one first.") % {"most": MOST_PER_PERSON})
        view = SavedView(project=project, owner=by, page=page, query=kept, shared=shared, created_at=now)
        _store(view, name)
        _record(view, by, "view.saved", {"page": page, "query": kept, "shared": shared}, now)
    return view


def rename(*, view: SavedView, by: User, name: str, now: datetime) -> None:
    """Gives a view another name. Raises Refused."""
    with transaction.atomic():
        before = view.name
        _store(view, name)
        _record(view, by, "view.renamed", {"from": before}, now)


def share(*, view: SavedView, by: User, shared: bool, now: datetime) -> None:
    """Shows a view to everybody in the project, or to its owner alone again."""
    with transaction.atomic():
        view.shared = shared
        view.save(update_fields=["shared"])
        _record(view, by, "view.shared" if shared else "view.unshared", {}, now)


def delete(*, view: SavedView, by: User, now: datetime) -> None:
    """Forgets a view."""
    with transaction.atomic():
        _record(view, by, "view.deleted", {"page": view.page, "query": view.query}, now)
        view.delete()


def _store(view: SavedView, name: str) -> None:
    view.name = " ".join(name.replace("\x00", "").split())
    if not view.name:
        raise Refused(_("Give the view a name."))
    if len(view.name) > LONGEST_NAME:
        raise Refused(_("A name may be at most %(most)s characters long.") % {"most": LONGEST_NAME})
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError:
        raise Refused(_("You have a view called “%(name)s” already.") % {"name": view.name}) from None


def _query(text: str) -> str:
    if len(text) > LONGEST_QUERY:
        raise Refused(_("These filters are too long to be saved."))
    parameters = QueryDict(text.removeprefix("?").replace("\x00", ""), mutable=True)
    for name in list(parameters):
        if name in PLACE or not any(parameters.getlist(name)):
            parameters.pop(name)
    encoded = parameters.urlencode()
    if len(encoded) > LONGEST_QUERY:
        raise Refused(_("These filters are too long to be saved."))
    return encoded


def _record(view: SavedView, by: User, action: str, detail: dict[str, object], now: datetime) -> None:
    label = {"name": view.name, **detail}
    audit.record(project=view.project, by=by, action=action, target=f"view {view.pk}", detail=label, now=now)
