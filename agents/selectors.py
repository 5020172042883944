"""Reads about people and projects."""

from agents.models import Membership, Notification, Project, User
from agents.permissions import Permission
from agents.roles import ROLE_PERMISSIONS, Role


def permissions_of(user_id: int, project_id: int) -> frozenset[Permission]:
    """Everything a person may do in a project; empty for strangers."""
    role = Membership.objects.filter(user_id=user_id, project_id=project_id).values_list("role", flat=True).first()
    return ROLE_PERMISSIONS[Role(role)] if role else frozenset()


def projects_of(user: User) -> list[Project]:
    """The open projects a person belongs to, by name."""
    return list(Project.objects.open().of(user.pk).order_by("name", "pk"))


def unread_count(user: User) -> int:
    """How many notifications a person has not read."""
    return Notification.objects.of(user.pk).unread().count()


def members_with(project_id: int, permission: Permission) -> list[User]:
    """The active people who hold `permission` in a project."""
    memberships = Membership.objects.filter(project_id=project_id).with_permission(permission).select_related("user")
    return [membership.user for membership in memberships]
