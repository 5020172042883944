"""The only way a project reaches a view: it is returned, or 404 (not yours) or 403 (not with your role) is raised."""

from collections.abc import Mapping

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _

from agents.authentication import CHALLENGE, Caller
from agents.models import Project, User
from agents.permissions import Permission, Scope
from agents.selectors import permissions_of
from console.lib.http import Problem

LAST_PROJECT = "project"
"""Where the session keeps the address of the project that was open last."""


def page_project(request: HttpRequest, slug: str, permission: Permission, *, archived: bool = False) -> Project:
    """The project of a page. 404 for strangers and, unless `archived`, for archived projects; 403 by role.

    Leaves what the person may do there in `request.project_permissions` for templates.
    """
    assert isinstance(request.user, User), "pages require a signed-in person: LoginRequiredMiddleware"
    projects = Project.objects.all() if archived else Project.objects.open()
    project = projects.of(request.user.pk).filter(slug=slug).first()
    if project is None:
        raise Http404
    permissions = permissions_of(request.user.pk, project.pk)
    if permission not in permissions:
        raise PermissionDenied(_("Your role in this project does not include “%s”.") % permission)
    if (
        project.archived_at is None
        and request.session.get(LAST_PROJECT) != project.slug
        and not request.headers.get("HX-Request")
    ):
        request.session[LAST_PROJECT] = project.slug
    request.project = project  # type: ignore[attr-defined]
    request.project_permissions = permissions  # type: ignore[attr-defined]
    return project


def api_project(
    caller: Caller | None,
    *,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    scope: Scope | None,
    permission: Permission | None,
) -> Project:
    """The project an API request is about (ARCHITECTURE.md, section 5).

    A key means its own project and needs `scope`; a person names one with `?project=` or `Handrail-Project`,
    or belongs to exactly one, and needs `permission`. None refuses that sort of caller.
    Raises Problem 401, 403, 404, or 400 naming `project`.
    """
    if caller is None:
        raise Problem(401, "Authentication is required: send an API key or a personal token.", headers=CHALLENGE)
    project = caller.key.project if caller.key is not None else _named_project(caller, query, headers)
    check(caller, project, scope=scope, permission=permission)
    return project


def check(caller: Caller, project: Project, *, scope: Scope | None, permission: Permission | None) -> None:
    """Raises Problem unless `caller` may do this in `project`: 404 for strangers, 403 naming what is missing."""
    if caller.key is not None:
        if caller.key.project_id != project.pk:
            raise Problem(404, "There is nothing at this address, or it is not yours to see.")
        if scope is None:
            raise Problem(403, "This takes a person: an agent's key may not do it.")
        if scope not in caller.key.scopes:
            raise Problem(403, f"This key lacks the scope {scope}.", extra={"missing_scope": scope})
        return
    assert caller.user is not None
    permissions = permissions_of(caller.user.pk, project.pk)
    if not permissions:
        raise Problem(404, "There is nothing at this address, or it is not yours to see.")
    if permission is None:
        raise Problem(403, "This takes an agent's API key: a person may not do it.")
    if permission not in permissions:
        raise Problem(403, f"Your role lacks the permission {permission}.", extra={"missing_permission": permission})


def _named_project(caller: Caller, query: Mapping[str, str], headers: Mapping[str, str]) -> Project:
    assert caller.user is not None
    slug = query.get("project") or headers.get("handrail-project") or ""
    projects = Project.objects.open().of(caller.user.pk)
    if slug:
        named = projects.filter(slug=slug).first()
        if named is None:
            raise Problem(404, "You belong to no project of this name.", errors={"project": ["unknown"]})
        return named
    candidates = list(projects[:2])
    if len(candidates) != 1:
        message = "name one with ?project=<slug> or the header Handrail-Project"
        raise Problem(400, f"project: {message}", errors={"project": [message]})
    return candidates[0]
