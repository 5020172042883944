"""The menu of saved views, and what it does. Pages add `menu_context` and include `metrics/_views_menu.html`."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from agents.access import page_project
from agents.models import Project, User
from agents.permissions import Permission
from console.lib import clock
from metrics import access
from metrics.models import SavedView
from metrics.selectors import saved_views as selector
from metrics.services import saved_views


def menu_context(request: HttpRequest, project: Project, page: str) -> dict[str, Any]:
    """What the menu shows on a page. One query."""
    person = _person(request)
    return {
        "views_page": page,
        "views_url": _address(project, page, ""),
        "views_query": request.GET.urlencode(),
        "views": selector.of_page(project.pk, page, person.pk),
        "may_share_views": _may_share(request),
    }


@require_POST
def save(request: HttpRequest, project: str) -> HttpResponseRedirect:
    """Saves the address of a page under a name, and shows it."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    shared = request.POST.get("shared") == "1"
    if shared and not _may_share(request):
        raise PermissionDenied(_("Your role in this project does not include “%s”.") % Permission.DASHBOARD_EDIT)
    page, query = request.POST.get("page", ""), request.POST.get("query", "")
    try:
        view = saved_views.save(
            project=found,
            by=_person(request),
            name=request.POST.get("name", ""),
            page=page,
            query=query,
            shared=shared,
            now=clock.now(),
        )
    except saved_views.Refused as refused:
        messages.error(request, str(refused))
        return HttpResponseRedirect(_address(found, page, query if len(query) <= saved_views.LONGEST_QUERY else ""))
    messages.success(request, _("The view “%(name)s” is saved.") % {"name": view})
    return _back(found, view)


@require_POST
def rename(request: HttpRequest, project: str, view: int) -> HttpResponseRedirect:
    """Gives one's own view another name."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    mine = access.own_view(found, view, _person(request))
    try:
        saved_views.rename(view=mine, by=_person(request), name=request.POST.get("name", ""), now=clock.now())
    except saved_views.Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("Renamed to “%(name)s”.") % {"name": mine})
    return _back(found, mine)


@require_POST
def share(request: HttpRequest, project: str, view: int) -> HttpResponseRedirect:
    """Shares one's own view with the project, or takes it back."""
    found = page_project(request, project, Permission.DASHBOARD_EDIT)
    mine = access.own_view(found, view, _person(request))
    saved_views.share(view=mine, by=_person(request), shared=request.POST.get("shared") == "1", now=clock.now())
    messages.success(request, _("Everybody in the project sees it.") if mine.shared else _("Only you see it now."))
    return _back(found, mine)


@require_POST
def delete(request: HttpRequest, project: str, view: int) -> HttpResponseRedirect:
    """Deletes one's own view."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    mine = access.own_view(found, view, _person(request))
    name, back = str(mine), _back(found, mine)
    saved_views.delete(view=mine, by=_person(request), now=clock.now())
    messages.success(request, _("The view “%(name)s” is deleted.") % {"name": name})
    return back


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _may_share(request: HttpRequest) -> bool:
    permissions: frozenset[str] = getattr(request, "project_permissions", frozenset())
    return Permission.DASHBOARD_EDIT in permissions


def _back(project: Project, view: SavedView) -> HttpResponseRedirect:
    return HttpResponseRedirect(_address(project, view.page, view.query))


def _address(project: Project, page: str, query: str) -> str:
    if page not in saved_views.PAGES:
        return reverse("metrics:overview", kwargs={"project": project.slug})
    path = reverse(saved_views.PAGES[page], kwargs={"project": project.slug})
    return f"{path}?{query.removeprefix('?')}" if query else path
