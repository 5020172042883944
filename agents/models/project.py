"""Projects are the tenants; memberships say who is what in them."""

from typing import ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from agents.permissions import Permission
from agents.roles import Role, roles_with

UNDO_SECONDS_MAX = 300
"""More than a moment to think again would only keep agents waiting."""

RESERVED_SLUGS = frozenset({"new"})


def default_reject_reasons() -> list[str]:
    """What reviewers can pick from when they reject, until the project words its own list."""
    return ["Wrong amount or target", "Not allowed by policy", "Not enough information", "Too risky", "Duplicate"]


class ProjectQuerySet(models.QuerySet["Project"]):
    """Chainable reads of projects."""

    def open(self) -> Self:
        """Projects that are not archived."""
        return self.filter(archived_at__isnull=True)

    def of(self, user_id: int) -> Self:
        """Projects that a person belongs to."""
        return self.filter(memberships__user_id=user_id)


class Project(models.Model):
    """A tenant: every trace, request, key and audit row belongs to exactly one."""

    slug = models.SlugField(_("address"), max_length=50, unique=True)
    name = models.CharField(_("name"), max_length=100)
    reject_reasons = ArrayField(
        models.CharField(max_length=120), verbose_name=_("reject reasons"), default=default_reject_reasons, blank=True
    )
    retention_days = models.PositiveIntegerField(
        _("days to keep telemetry"),
        default=90,
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
        help_text=_("Empty keeps it for ever."),
    )
    undo_seconds = models.PositiveSmallIntegerField(
        _("seconds to withdraw a decision"),
        default=0,
        validators=[MaxValueValidator(UNDO_SECONDS_MAX)],
        help_text=_("For so long the agent is not told of a decision."),
    )
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ProjectQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Chainable reads of memberships."""

    def with_permission(self, permission: Permission) -> Self:
        """Memberships of active people whose role carries `permission`."""
        return self.filter(role__in=roles_with(permission), user__is_active=True)


class Membership(models.Model):
    """One person's role in one project."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=16, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "project"], name="one_role_per_member"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role} in {self.project_id}"
