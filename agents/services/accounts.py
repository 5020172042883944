"""What people change about themselves, and how they get back in."""

import zoneinfo
from datetime import datetime
from typing import Any

from allauth.account import app_settings as allauth_settings
from allauth.account.utils import user_pk_to_url_str
from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from agents import rosters
from agents.models import Membership, Project, User
from agents.roles import Role
from agents.services import audit


@transaction.atomic
def change_profile(*, user: User, now: datetime, **changes: Any) -> User:
    """Sets some of a person's own fields (name, time zone, notification switches). Raises ValidationError by field."""
    before = {field: getattr(user, field) for field in changes}
    changed = [field for field, value in changes.items() if before[field] != value]
    if not changed:
        return user
    for field in changed:
        setattr(user, field, changes[field])
    untouched = [field.name for field in User._meta.fields if field.name not in changed]
    user.full_clean(validate_unique=False, validate_constraints=False, exclude=untouched)
    user.save(update_fields=changed)
    detail = {field: {"from": before[field], "to": changes[field]} for field in changed}
    rosters.changed()
    audit.record(project=None, by=user, action="account.change", target=f"person {user.email}", detail=detail, now=now)
    return user


def adopt_time_zone(*, user: User, name: str, now: datetime) -> None:
    """Takes over the zone of somebody's browser as long as they have none; one that they chose, UTC too, stays."""
    if not user.time_zone and name in zoneinfo.available_timezones():
        change_profile(user=user, now=now, time_zone=name)


@transaction.atomic
def reset_link(*, membership: Membership, by: User, handed_over: bool, now: datetime) -> str:
    """The path of a link with which a member sets a new password, to be mailed to them or `handed_over` to `by`.

    Whoever holds it can become that person, so it is handed over only for people who reach nothing that `by` does
    not rule: no staff, and no member of other projects. Raises ValidationError otherwise.
    """
    user = membership.user
    if not user.is_active:
        raise ValidationError(_("This account is deactivated."))
    if handed_over and not may_take_over(by, user):
        raise ValidationError(
            _("%(name)s also belongs to where you are not an admin: only the operator of this console may do this.")
            % {"name": user.display_name}
        )
    key = allauth_settings.PASSWORD_RESET_TOKEN_GENERATOR().make_token(user)
    audit.record(
        project=membership.project,
        by=by,
        action="member.reset_link",
        target=f"member {user.email}",
        detail={"handed_over": handed_over},
        now=now,
    )
    return reverse("account_reset_password_from_key", kwargs={"uidb36": user_pk_to_url_str(user), "key": key})


def may_take_over(by: User, user: User) -> bool:
    """Whether `by` rules over everything that `user` can reach."""
    if by.is_superuser or by.pk == user.pk:
        return True
    if user.is_staff or user.is_superuser:
        return False
    ruled = Membership.objects.filter(user=by, role=Role.ADMIN).values("project")
    return not Project.objects.of(user.pk).exclude(pk__in=ruled).exists()
