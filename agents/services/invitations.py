"""Single-use links that bring people in: sign-up is closed, so this is the only way to get an account."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from agents.models import Invitation, Project, User
from agents.models.credential import digest, new_secret
from agents.roles import Role
from agents.services import audit, members
from agents.services.notify import notify

LIFE = timedelta(days=7)


class NoLongerValid(Exception):
    """The link was used, revoked, replaced or has expired."""


@dataclass(frozen=True)
class IssuedInvitation:
    """An invitation and the secret of its link, which exists nowhere else."""

    invitation: Invitation
    secret: str


def account_of(email: str) -> User | None:
    """Whoever signs in with this address, as their main address or as another verified one."""
    verified = Q(emailaddress__email__iexact=email, emailaddress__verified=True)
    return User.objects.filter(Q(email__iexact=email) | verified).distinct().first()


def owns_address(user: User, email: str) -> bool:
    """Whether an invitation to `email` is for this person."""
    account = account_of(email)
    return account is not None and account.pk == user.pk


@transaction.atomic
def invite(*, project: Project, email: str, role: Role, by: User, now: datetime) -> IssuedInvitation:
    """A link for one person, for seven days; an older open one for the same address stops working.

    Raises ValidationError naming `email` when they are a member already.
    """
    Project.objects.select_for_update().get(pk=project.pk)
    address = User.objects.normalize_email(email).lower()
    account = account_of(address)
    if account is not None and account.memberships.filter(project=project).exists():
        raise ValidationError({"email": _("%(email)s is a member already.") % {"email": address}})
    replaced = _open(project).filter(email=address).update(revoked_at=now)
    secret = new_secret("")
    invitation = Invitation.objects.create(
        project=project,
        email=address,
        role=role,
        secret_hash=digest(secret),
        invited_by=by,
        created_at=now,
        expires_at=now + LIFE,
    )
    detail: dict[str, object] = {"role": str(role)}
    if replaced:
        detail["replaces"] = "an older link"
    _record("invitation.create", invitation, by, now, detail)
    return IssuedInvitation(invitation, secret)


@transaction.atomic
def revoke(*, invitation: Invitation, by: User, now: datetime) -> bool:
    """The link stops working. False when it did not work any more."""
    if not _open(invitation.project).filter(pk=invitation.pk).update(revoked_at=now):
        return False
    _record("invitation.revoke", invitation, by, now, {})
    return True


def find(*, secret: str, now: datetime) -> Invitation:
    """The open invitation behind a link; NoLongerValid for everything else."""
    found = Invitation.objects.select_related("project", "invited_by").filter(secret_hash=digest(secret)).first()
    if found is None or not _is_open(found, now):
        raise NoLongerValid
    return found


@transaction.atomic
def accept_as_new(*, invitation: Invitation, name: str, password: str, time_zone: str, now: datetime) -> User:
    """Makes the account, with the invited address verified by the link itself, and the membership.

    Raises NoLongerValid when somebody was faster, ValidationError when the address has an account by now.
    The password is the caller's to validate.
    """
    locked = _take(invitation, now)
    if account_of(locked.email) is not None:
        raise ValidationError(_("This address has an account by now: sign in to join."))
    user = User.objects.create_user(locked.email, password, name=name, time_zone=time_zone)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    _join(locked, user, now)
    return user


@transaction.atomic
def accept(*, invitation: Invitation, user: User, now: datetime) -> None:
    """Makes an existing person a member.

    Raises NoLongerValid when the link was used meanwhile, ValidationError when it is for another address.
    """
    locked = _take(invitation, now)
    if not owns_address(user, locked.email):
        raise ValidationError(_("This invitation is for %(email)s.") % {"email": locked.email})
    _join(locked, user, now)


def _take(invitation: Invitation, now: datetime) -> Invitation:
    locked = Invitation.objects.select_for_update(of=("self",)).select_related("project", "invited_by")
    found = locked.filter(pk=invitation.pk).first()
    if found is None or not _is_open(found, now):
        raise NoLongerValid
    return found


def _join(invitation: Invitation, user: User, now: datetime) -> None:
    invitation.accepted_at = now
    invitation.save(update_fields=["accepted_at"])
    project = invitation.project
    membership = members.add(project=project, user=user, role=Role(invitation.role), by=user, now=now)
    _record("invitation.accept", invitation, user, now, {"invited_by": invitation.invited_by.email})
    notify(
        users=[invitation.invited_by],
        project=project,
        kind="member.add",
        title=_("%(name)s joined %(project)s") % {"name": user.display_name, "project": project.name},
        body=_("As %(role)s, by your invitation.") % {"role": Role(membership.role).label},
        url=reverse("agents:members", kwargs={"project": project.slug}),
        now=now,
    )


def _open(project: Project) -> QuerySet[Invitation]:
    return Invitation.objects.filter(project=project, accepted_at__isnull=True, revoked_at__isnull=True)


def _is_open(invitation: Invitation, now: datetime) -> bool:
    unused = invitation.accepted_at is None and invitation.revoked_at is None
    return unused and invitation.expires_at > now and invitation.project.archived_at is None


def _record(action: str, invitation: Invitation, by: User, now: datetime, detail: dict[str, object]) -> None:
    target = f"invitation {invitation.email}"
    audit.record(project=invitation.project, by=by, action=action, target=target, detail=detail, now=now)
