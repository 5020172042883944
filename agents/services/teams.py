"""Teams: made, renamed, filled and taken out of use."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from agents import rosters
from agents.authentication import Caller
from agents.models import Membership, Project, Team, TeamMember, User
from agents.services import audit

TEAMS_MAX = 200
SLUG_CHARS = 50
Actor = Caller | User


@transaction.atomic
def create(*, project: Project, name: str, by: Actor, now: datetime) -> Team:
    """A new team without members; its slug is made from the name and never changes.

    An archived team of the same slug comes back instead, so that what names it finds it again. Raises ValidationError
    naming `name`.
    """
    cleaned = _clean_name(name)
    slug = slugify(cleaned)[:SLUG_CHARS].strip("-")
    if not slug:
        raise ValidationError({"name": _("Use at least one letter or digit.")})
    if Team.objects.open().filter(project=project).count() >= TEAMS_MAX:
        raise ValidationError({"name": _("A project has at most %(max)d teams.") % {"max": TEAMS_MAX}})
    team = Team.objects.filter(project=project, slug=slug, archived_at__isnull=False).first()
    team = team or Team(project=project, slug=slug, created_at=now)
    team.name, team.archived_at = cleaned, None
    _save(team)
    _record("team.create", team, by, now, {"name": cleaned})
    return team


@transaction.atomic
def change(*, team: Team, name: str, members: Collection[int], by: Actor, now: datetime) -> Team:
    """Renames a team and sets who is in it, by the ids of their memberships.

    Memberships of other projects are ignored. Raises ValidationError naming `name`.
    """
    locked = Team.objects.select_for_update(of=("self",)).select_related("project").get(pk=team.pk)
    cleaned = _clean_name(name)
    detail: dict[str, object] = {}
    if cleaned != locked.name:
        detail["name"] = {"from": locked.name, "to": cleaned}
        locked.name = cleaned
        _save(locked)
    before = set(locked.team_members.values_list("membership_id", flat=True))
    after = set(Membership.objects.filter(project=locked.project, pk__in=members).values_list("pk", flat=True))
    locked.team_members.filter(membership_id__in=before - after).delete()
    TeamMember.objects.bulk_create(TeamMember(team=locked, membership_id=key) for key in sorted(after - before))
    for word, keys in (("added", after - before), ("removed", before - after)):
        if keys:
            detail[word] = _addresses(keys)
    if detail:
        _record("team.change", locked, by, now, detail)
    return locked


@transaction.atomic
def archive(*, team: Team, by: Actor, now: datetime) -> bool:
    """Takes a team out of use; False when it was before. What waits for it is then for everybody who may decide."""
    locked = Team.objects.select_for_update(of=("self",)).select_related("project").get(pk=team.pk)
    if locked.archived_at is not None:
        return False
    locked.archived_at = now
    locked.save(update_fields=["archived_at"])
    locked.team_members.all().delete()
    _record("team.archive", locked, by, now, {})
    return True


def _clean_name(name: str) -> str:
    cleaned = " ".join(name.split())
    if not cleaned:
        raise ValidationError({"name": _("Give the team a name.")})
    return cleaned


def _save(team: Team) -> None:
    try:
        with transaction.atomic():
            team.save()
    except IntegrityError:
        raise ValidationError({"name": _("Another team has this name.")}) from None


def _addresses(memberships: Collection[int]) -> list[str]:
    rows = Membership.objects.filter(pk__in=memberships).order_by("user__email")
    return list(rows.values_list("user__email", flat=True))


def _record(action: str, team: Team, by: Actor, now: datetime, detail: dict[str, object]) -> None:
    rosters.changed()
    audit.record(project=team.project, by=by, action=action, target=f"team {team.slug}", detail=detail, now=now)
