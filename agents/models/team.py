"""Teams that requests are routed to, and when people are away."""

from datetime import datetime
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from agents.models.project import Project


class TeamQuerySet(models.QuerySet["Team"]):
    """Chainable reads of teams."""

    def open(self) -> Self:
        """Teams that are not archived."""
        return self.filter(archived_at__isnull=True)


class Team(models.Model):
    """Some members of a project who look at the same sort of requests.

    A team is who is asked, not who may: the role alone says who may decide. Policies and agents name a team by its
    slug, which never changes.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="teams")
    slug = models.SlugField(_("address"), max_length=50)
    name = models.CharField(_("name"), max_length=100)
    created_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = TeamQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "slug"], name="team_slug"),
            models.UniqueConstraint(
                "project",
                Lower("name"),
                condition=models.Q(archived_at__isnull=True),
                name="team_name_case_insensitive",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TeamMember(models.Model):
    """One person's place in one team. Whoever leaves the project leaves its teams."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="team_members")
    membership = models.ForeignKey("agents.Membership", on_delete=models.CASCADE, related_name="teams")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "membership"], name="once_in_a_team"),
        ]

    def __str__(self) -> str:
        return f"{self.membership_id} in {self.team_id}"


class AwayQuerySet(models.QuerySet["Away"]):
    """Chainable reads of absences."""

    def at(self, moment: datetime) -> Self:
        """Those that cover a moment; the end is the first moment back."""
        return self.filter(starts_at__lte=moment, ends_at__gt=moment)


class Away(models.Model):
    """A time in which somebody is not there, and who then gets what would be theirs.

    The delegate never gets a right: where their own role does not let them decide, nothing is passed on.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="absences")
    delegate = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="stands_in_for"
    )
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"))
    created_at = models.DateTimeField()

    objects = AwayQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["user", "ends_at"], name="away_by_user")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(ends_at__gt=models.F("starts_at")), name="away_for_a_time"),
            models.CheckConstraint(
                condition=models.Q(delegate__isnull=True) | ~models.Q(delegate=models.F("user")),
                name="away_not_delegated_to_oneself",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} until {self.ends_at:%Y-%m-%d %H:%M}"
