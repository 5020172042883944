"""Reads about people and projects."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db import connection
from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet

from agents.models import (
    ApiKey,
    AuditEvent,
    Away,
    Channel,
    ChannelRule,
    Delivery,
    Endpoint,
    Invitation,
    Membership,
    Notification,
    PersonalToken,
    Project,
    Team,
    TeamMember,
    User,
)
from agents.permissions import Permission
from agents.roles import ROLE_PERMISSIONS, Role, roles_with

Row = TypeVar("Row")

FAILED_CAP = 100
FAILED = """
    SELECT channel.id, (SELECT count(*)
                          FROM (SELECT FROM agents_delivery
                                 WHERE channel_id = channel.id AND status = 'failed'
                                 LIMIT %(cap)s) AS capped)
      FROM unnest(%(channels)s::bigint[]) AS channel (id)
"""

OWNERS = """
    WITH RECURSIVE line (asked, id, owner) AS (
        SELECT id, id, created_by_id FROM agents_apikey WHERE id = ANY(%(keys)s)
        UNION
        SELECT line.asked, earlier.id, earlier.created_by_id
          FROM agents_apikey AS earlier JOIN line ON earlier.replaced_by_id = line.id
    )
    SELECT asked, array_agg(owner) FROM line WHERE owner IS NOT NULL GROUP BY asked
"""

UNREAD_CAP = 1_000
"""Nobody who has so many unread wants to know the exact number, and counting on would slow every page down."""


def permissions_of(user_id: int, project_id: int) -> frozenset[Permission]:
    """Everything a person may do in a project; empty for strangers."""
    role = Membership.objects.filter(user_id=user_id, project_id=project_id).values_list("role", flat=True).first()
    return ROLE_PERMISSIONS[Role(role)] if role else frozenset()


@dataclass(frozen=True)
class Place:
    """A project that a person belongs to, archived or not, and what they may do there."""

    project: Project
    permissions: frozenset[Permission]


def places_of(user: User) -> list[Place]:
    """Everywhere a person belongs to, by name: all that the shell of a page asks about it, in one query."""
    rows = Membership.objects.filter(user=user).select_related("project").order_by("project__name", "project_id")
    return [Place(row.project, ROLE_PERMISSIONS[Role(row.role)]) for row in rows]


def projects_of(user: User) -> list[Project]:
    """The open projects a person belongs to, by name."""
    return list(Project.objects.open().of(user.pk).order_by("name", "pk"))


def owners_of(key_ids: Collection[int]) -> dict[int, frozenset[int]]:
    """The ids of the people who made each of these keys, or one that it succeeds; nothing is read for no keys.

    Whoever rotates a key does not take it over.
    """
    if not key_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(OWNERS, {"keys": sorted(key_ids)})
        return {key: frozenset(owners) for key, owners in cursor.fetchall()}


def unread_count(user: User) -> int:
    """How many notifications a person has not read; UNREAD_CAP when there are that many or more."""
    return Notification.objects.of(user.pk).unread()[:UNREAD_CAP].count()


def members_with(project_id: int, permission: Permission) -> list[User]:
    """The active people who hold `permission` in a project."""
    memberships = Membership.objects.filter(project_id=project_id).with_permission(permission).select_related("user")
    return [membership.user for membership in memberships]


def memberships_of(user: User) -> QuerySet[Membership]:
    """A person's memberships in open projects, by the project's name."""
    mine = Membership.objects.filter(user=user, project__archived_at__isnull=True)
    return mine.select_related("project").order_by("project__name", "pk")


def archived_projects_run_by(user: User) -> QuerySet[Project]:
    """Archived projects that a person may restore."""
    runs = Q(memberships__user=user, memberships__role__in=roles_with(Permission.PROJECT_MANAGE))
    return Project.objects.filter(runs, archived_at__isnull=False).order_by("name", "pk")


def may_create_projects(user: User) -> bool:
    """People who run a project may make others, and so may the operators of the console."""
    running = roles_with(Permission.PROJECT_MANAGE)
    return user.is_superuser or Membership.objects.filter(user=user, role__in=running).exists()


def members_of(project: Project) -> QuerySet[Membership]:
    """Everybody in a project, by name."""
    return Membership.objects.filter(project=project).select_related("user").order_by("user__name", "user__email")


def teams_of(project: Project) -> QuerySet[Team]:
    """A project's teams by name, with their people at hand."""
    people = Prefetch("team_members", TeamMember.objects.select_related("membership__user").order_by("pk"))
    return (
        Team.objects.open().filter(project=project).select_related("project").prefetch_related(people).order_by("name")
    )


def away_now(project: Project, now: datetime) -> dict[int, Away]:
    """Who of a project's members is away, by their id."""
    rows = Away.objects.at(now).filter(user__memberships__project=project).select_related("delegate")
    return {row.user_id: row for row in rows}


def absences_of(user: User, now: datetime) -> QuerySet[Away]:
    """A person's times away that are not over, the next first."""
    return Away.objects.filter(user=user, ends_at__gt=now).select_related("delegate").order_by("starts_at")


def stood_in_for(user: User, now: datetime) -> QuerySet[Away]:
    """The times, not over, in which somebody stands in for others, the next first."""
    return Away.objects.filter(delegate=user, ends_at__gt=now).select_related("user").order_by("starts_at")


def stand_ins_of(user: User) -> QuerySet[User]:
    """Who can stand in for a person: whoever may decide in one of their projects."""
    deciding = Membership.objects.filter(project__memberships__user=user, project__archived_at__isnull=True)
    people = deciding.with_permission(Permission.APPROVAL_DECIDE).values("user")
    return User.objects.filter(pk__in=people).exclude(pk=user.pk).order_by("name", "email")


def open_invitations(project: Project, now: datetime) -> QuerySet[Invitation]:
    """Invitations whose link still works, the newest first."""
    waiting = Invitation.objects.filter(
        project=project, accepted_at__isnull=True, revoked_at__isnull=True, expires_at__gt=now
    )
    return waiting.select_related("invited_by").order_by("-created_at", "-pk")


def keys_of(project: Project) -> QuerySet[ApiKey]:
    """A project's keys, the newest first, those revoked last."""
    keys = ApiKey.objects.filter(project=project).select_related("created_by", "replaced_by")
    return keys.order_by(F("revoked_at").asc(nulls_first=True), "-created_at", "-pk")


def tokens_of(user: User) -> QuerySet[PersonalToken]:
    """A person's tokens that are not revoked, the newest first."""
    return PersonalToken.objects.filter(user=user, revoked_at__isnull=True).order_by("-created_at", "-pk")


def audit_page(
    project: Project, *, action: str, after: tuple[datetime, int] | None, size: int
) -> tuple[list[AuditEvent], bool]:
    """Audit rows of a project, the newest first, after the row with that time and id; whether more follow.

    `action` "" means all.
    """
    events = AuditEvent.objects.filter(project=project).select_related("actor_user", "actor_key")
    if action:
        events = events.filter(action=action)
    if after is not None:
        at, pk = after
        events = events.filter(Q(at__lt=at) | Q(at=at, pk__lt=pk))
    return _cut(list(events.order_by("-at", "-pk")[: size + 1]), size)


def audit_actions(project: Project) -> list[str]:
    """The actions that occur in a project's audit log."""
    return list(
        AuditEvent.objects.filter(project=project).order_by("action").values_list("action", flat=True).distinct()
    )


def notification_page(user: User, *, unread: bool, before: int | None, size: int) -> tuple[list[Notification], bool]:
    """A person's notifications, the newest first, older than the one with id `before`; whether more follow."""
    rows = Notification.objects.of(user.pk).select_related("project")
    if unread:
        rows = rows.unread()
    if before is not None:
        rows = rows.filter(pk__lt=before)
    return _cut(list(rows.order_by("-pk")[: size + 1]), size)


def _cut(rows: list[Row], size: int) -> tuple[list[Row], bool]:
    """One row more than the page was asked for, to see whether another page follows."""
    return rows[:size], len(rows) > size


def channels_of(project: Project, now: datetime) -> QuerySet[Channel]:
    """A project's channels by name, with their rules, and in `failing` whether a circuit of theirs is open."""
    broken = Endpoint.objects.filter(channel=OuterRef("pk"), open_until__gt=now)
    rules = Prefetch("rules", ChannelRule.objects.select_related("team").order_by("pk"))
    channels = Channel.objects.kept().filter(project=project).annotate(failing=Exists(broken))
    return channels.prefetch_related(rules).order_by("name", "pk")


def failed_deliveries(channels: Collection[Channel]) -> dict[int, int]:
    """How many deliveries through each of some channels have failed, by the channel's id; FAILED_CAP at most."""
    with connection.cursor() as cursor:
        cursor.execute(FAILED, {"channels": [channel.pk for channel in channels], "cap": FAILED_CAP})
        return dict(cursor.fetchall())


def projects_told_of(event: str, project_ids: Collection[int]) -> set[int]:
    """Those of the projects that have a channel on which such an event would be told: a rule names it, or a webhook
    is told everything (`agents.messages.FOR_PROGRAMS`)."""
    rules = ChannelRule.objects.filter(channel__in=Channel.objects.active().filter(project__in=project_ids))
    named = Q(events__contains=[event]) | Q(events=[], channel__kind=Channel.Kind.WEBHOOK)
    return set(rules.filter(named).values_list("channel__project_id", flat=True))


def failing_endpoints(channel: Channel, now: datetime) -> list[Endpoint]:
    """The endpoints of a channel whose circuit is open, those that open longest first, ten at most."""
    return list(channel.endpoints.filter(open_until__gt=now).order_by("-failures", "pk")[:10])


def delivery_page(
    project: Project, *, channel: Channel | None, status: str, before: int | None, size: int
) -> tuple[list[Delivery], bool]:
    """Deliveries, the newest first, older than the one with id `before`; whether more follow. `status` "" means all."""
    rows = Delivery.objects.of_project(project) if channel is None else Delivery.objects.filter(channel=channel)
    if status:
        rows = rows.filter(status=status)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    rows = rows.select_related("channel", "event", "endpoint", "project")
    return _cut(list(rows.order_by("-pk")[: size + 1]), size)
