"""Projects: made, renamed, set up, archived and restored."""

from collections.abc import Sequence
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from agents import known_keys
from agents.models import Membership, Project, User
from agents.models.project import RESERVED_SLUGS
from agents.roles import Role
from agents.services import audit
from console.lib import live

REJECT_REASONS_MAX = 30
REJECT_REASON_CHARS = 120


@transaction.atomic
def create(*, name: str, slug: str, by: User, now: datetime) -> Project:
    """A new project whose first admin is its creator. Raises ValidationError naming `slug` or `name`."""
    project = Project(name=_clean_name(name), slug=_clean_slug(slug))
    try:
        with transaction.atomic():
            project.save()
    except IntegrityError:
        raise ValidationError({"slug": _("Another project has this address.")}) from None
    Membership.objects.create(project=project, user=by, role=Role.ADMIN)
    audit.record(project=project, by=by, action="project.create", target=_target(project), detail={}, now=now)
    return project


@transaction.atomic
def change_settings(
    *,
    project: Project,
    name: str,
    reject_reasons: Sequence[str],
    retention_days: int | None,
    undo_seconds: int,
    by: User,
    now: datetime,
) -> Project:
    """Renames a project and sets what reviewers may pick when they reject and how long telemetry is kept.

    `retention_days` None keeps it for ever. For `undo_seconds` agents are not told of decisions, which can be withdrawn
    meanwhile; requests that wait already keep what they were made with.
    Empty and repeated reasons are dropped. Raises ValidationError by field. The address never changes: agents
    and bookmarks hold it.
    """
    locked = _lock(project)
    changes = {
        "name": _clean_name(name),
        "reject_reasons": _clean_reasons(reject_reasons),
        "retention_days": retention_days,
        "undo_seconds": undo_seconds,
    }
    before = {field: getattr(locked, field) for field in changes}
    detail = {field: {"from": before[field], "to": value} for field, value in changes.items() if before[field] != value}
    if not detail:
        return locked
    for field in detail:
        setattr(locked, field, changes[field])
    locked.full_clean(validate_unique=False, validate_constraints=False)
    locked.save(update_fields=list(detail))
    known_keys.changed()
    audit.record(project=locked, by=by, action="project.change", target=_target(locked), detail=detail, now=now)
    return locked


@transaction.atomic
def archive(*, project: Project, by: User, now: datetime) -> bool:
    """Takes a project out of use: its keys are refused and its pages gone, its data stays. False when it was before."""
    locked = _lock(project)
    if locked.archived_at is not None:
        return False
    locked.archived_at = now
    locked.save(update_fields=["archived_at"])
    known_keys.changed()
    audit.record(project=locked, by=by, action="project.archive", target=_target(locked), detail={}, now=now)
    live.access_changed(locked.memberships.values_list("user_id", flat=True))
    return True


@transaction.atomic
def restore(*, project: Project, by: User, now: datetime) -> bool:
    """Puts an archived project back to use. False when it was not archived."""
    locked = _lock(project)
    if locked.archived_at is None:
        return False
    locked.archived_at = None
    locked.save(update_fields=["archived_at"])
    audit.record(project=locked, by=by, action="project.restore", target=_target(locked), detail={}, now=now)
    return True


def _lock(project: Project) -> Project:
    return Project.objects.select_for_update().get(pk=project.pk)


def _target(project: Project) -> str:
    return f"project {project.slug}"


def _clean_name(name: str) -> str:
    cleaned = " ".join(name.split())
    if not cleaned:
        raise ValidationError({"name": _("Give the project a name.")})
    return cleaned


def _clean_slug(slug: str) -> str:
    cleaned = slug.strip().lower()
    try:
        validate_slug(cleaned)
    except ValidationError:
        message = _("Use letters, digits and hyphens only.")
        raise ValidationError({"slug": message}) from None
    if cleaned in RESERVED_SLUGS:
        raise ValidationError({"slug": _("This address is taken by the console itself.")})
    return cleaned


def _clean_reasons(reasons: Sequence[str]) -> list[str]:
    cleaned = list(dict.fromkeys(reason for raw in reasons if (reason := " ".join(raw.split()))))
    if len(cleaned) > REJECT_REASONS_MAX:
        raise ValidationError({"reject_reasons": _("At most %(max)d reasons.") % {"max": REJECT_REASONS_MAX}})
    for reason in cleaned:
        if len(reason) > REJECT_REASON_CHARS:
            message = _("“%(reason)s…” is longer than %(max)d characters.")
            raise ValidationError({"reject_reasons": message % {"reason": reason[:30], "max": REJECT_REASON_CHARS}})
    return cleaned
