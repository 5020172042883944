"""Who belongs to a project and as what. Every project keeps at least one active admin."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from agents import rosters
from agents.models import Membership, Project, User
from agents.roles import Role
from agents.services import audit
from agents.services.notify import notify
from console.lib import live


@transaction.atomic
def add(*, project: Project, user: User, role: Role, by: User, now: datetime) -> Membership:
    """Makes `user` a member. Somebody who is one already keeps the role they have."""
    _lock(project)
    membership, created = Membership.objects.get_or_create(user=user, project=project, defaults={"role": role})
    if created:
        _record("member.add", membership, by, now, {"role": str(role)})
    return membership


@transaction.atomic
def change_role(*, membership: Membership, role: Role, by: User, now: datetime) -> Membership:
    """Gives a member another role. Raises ValidationError when that would leave the project without an admin."""
    locked = _locked_member(membership)
    if locked.role == role:
        return locked
    before = locked.role
    if before == Role.ADMIN:
        _require_another_admin(locked)
    locked.role = role
    locked.save(update_fields=["role"])
    _record("member.change", locked, by, now, {"role": {"from": before, "to": str(role)}})
    live.access_changed([locked.user_id])
    if by.pk != locked.user_id:
        notify(
            users=[locked.user],
            project=locked.project,
            kind="member.change",
            title=_("You are now %(role)s in %(project)s") % {"role": Role(role).label, "project": locked.project.name},
            body=_("Changed by %(name)s.") % {"name": by.display_name},
            url=reverse("metrics:overview", kwargs={"project": locked.project.slug}),
            now=now,
        )
    return locked


@transaction.atomic
def remove(*, membership: Membership, by: User, now: datetime) -> None:
    """Takes a member out, or lets them leave: from now on they see nothing of the project.

    Raises ValidationError for the last admin. Keys that they made go on working: they are the project's.
    """
    locked = _locked_member(membership)
    if locked.role == Role.ADMIN:
        _require_another_admin(locked)
    action = "member.leave" if by.pk == locked.user_id else "member.remove"
    _record(action, locked, by, now, {"role": locked.role})
    locked.delete()
    live.access_changed([locked.user_id])


def _lock(project: Project) -> None:
    """Membership changes of a project happen one after the other, or two admins could demote each other at once."""
    Project.objects.select_for_update().get(pk=project.pk)


def _locked_member(membership: Membership) -> Membership:
    _lock(membership.project)
    found = Membership.objects.select_related("user", "project").filter(pk=membership.pk).first()
    if found is None:
        raise ValidationError(_("This person is no longer a member."))
    return found


def _require_another_admin(membership: Membership) -> None:
    admins = Membership.objects.filter(project_id=membership.project_id, role=Role.ADMIN, user__is_active=True)
    if not admins.exclude(pk=membership.pk).exists():
        raise ValidationError(_("This is the last admin of the project: make somebody else an admin first."))


def _record(action: str, membership: Membership, by: User, now: datetime, detail: dict[str, object]) -> None:
    target = f"member {membership.user.email}"
    rosters.changed()
    audit.record(project=membership.project, by=by, action=action, target=target, detail=detail, now=now)
