"""How a request reaches a page or the API: returned, or 404 (not there, not yours) or 403 (not with your rights)."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest

from agents.access import check, page_project
from agents.authentication import CHALLENGE, Caller
from agents.models import Project
from agents.permissions import Permission, Scope
from console.lib.http import Problem
from reviews.models import Approval, Export, HumanLayerCall


def page_approval(request: HttpRequest, slug: str, approval_id: UUID, permission: Permission) -> Approval:
    """A request of the page's project, with what pages show of it."""
    project = page_project(request, slug, permission)
    approval = Approval.objects.of_project(project).with_parts().with_people().filter(pk=approval_id).first()
    if approval is None:
        raise Http404
    approval.project = project
    return approval


def api_approval(
    caller: Caller | None, approval_id: str, *, scope: Scope | None, permission: Permission | None
) -> Approval:
    """A request by its id, with what the API shows of it. Raises Problem as `admitted` does."""
    key = uuid_of(approval_id)
    found = Approval.objects.with_parts().filter(pk=key).first() if key and caller else None
    return admitted(caller, found, scope=scope, permission=permission)


def admitted(
    caller: Caller | None, approval: Approval | None, *, scope: Scope | None, permission: Permission | None
) -> Approval:
    """The request, if the caller has the right that its project asks for.

    A key needs `scope`, a person `permission`; None refuses that sort of caller. Raises Problem 401, 403 or 404: the
    same 404 for an id that is malformed, unknown, or of a project that is not the caller's.
    """
    _let_in(caller, approval.project if approval else None, "approval request", scope=scope, permission=permission)
    assert approval is not None
    return approval


def api_export(caller: Caller | None, export_id: str, *, scope: Scope | None, permission: Permission | None) -> Export:
    """An export by its id, with its version. Raises Problem as `admitted` does."""
    key = uuid_of(export_id)
    rows = Export.objects.select_related("project", "version__dataset")
    found = rows.filter(pk=key).first() if key and caller else None
    _let_in(caller, found.project if found else None, "export", scope=scope, permission=permission)
    assert found is not None
    return found


def _let_in(
    caller: Caller | None, project: Project | None, what: str, *, scope: Scope | None, permission: Permission | None
) -> None:
    """Raises Problem unless the caller has the right in the project of the object; None where there is no object."""
    if caller is None:
        raise Problem(401, "Authentication is required: send an API key or a personal token.", headers=CHALLENGE)
    missing = Problem(404, f"There is no such {what}, or it is not yours to see.")
    if project is None or project.archived_at is not None:
        raise missing
    try:
        check(caller, project, scope=scope, permission=permission)
    except Problem as problem:
        raise (missing if problem.status == 404 else problem) from None


def humanlayer_call(
    caller: Caller | None,
    kind: HumanLayerCall.Kind,
    call_id: str,
    *,
    scope: Scope | None,
    permission: Permission | None,
) -> HumanLayerCall:
    """A call by the id that its client chose, in the key's project or among those of all the person's projects.

    Raises Problem as `admitted` does, and 409 when several projects of a person have a call of that id.
    """
    calls = HumanLayerCall.objects.none()
    if caller is not None and "\x00" not in call_id:
        calls = HumanLayerCall.objects.filter(kind=kind, call_id=call_id).select_related("approval__project", "project")
        mine = {"project": caller.key.project} if caller.key else {"project__memberships__user": caller.user}
        calls = calls.filter(**mine)
    found = list(calls[:2])
    if len(found) > 1:
        raise Problem(409, "Several of your projects have a call of this id.")
    admitted(caller, found[0].approval if found else None, scope=scope, permission=permission)
    return found[0]


def uuid_of(text: str) -> UUID | None:
    """The id that a text spells, or None."""
    try:
        return UUID(text)
    except ValueError:
        return None


def sees_every_reviewer(permissions: frozenset[Permission]) -> bool:
    """Whether the figures of single reviewers are somebody's to see; everybody sees their own."""
    return bool(permissions & {Permission.APPROVAL_ASSIGN, Permission.AUDIT_VIEW})
