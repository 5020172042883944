from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError

from agents.models import Invitation, Membership, Notification, Project, User
from agents.models.credential import digest
from agents.roles import Role
from agents.services import invitations, projects
from agents.services.invitations import IssuedInvitation, NoLongerValid
from tests.agents.conftest import NOON, PASSWORD, MakePerson, audited


def invite(project: Project, by: User, email: str = "New@Example.org") -> IssuedInvitation:
    return invitations.invite(project=project, email=email, role=Role.REVIEWER, by=by, now=NOON)


def accept_as_new(issued: IssuedInvitation) -> User:
    return invitations.accept_as_new(
        invitation=issued.invitation, name="New", password=PASSWORD, time_zone="Europe/Berlin", now=NOON
    )


def test_the_secret_is_stored_only_as_a_hash(project: Project, admin: User) -> None:
    issued = invite(project, admin)
    assert bytes(Invitation.objects.get().secret_hash) == digest(issued.secret)
    assert issued.invitation.expires_at - NOON == timedelta(days=7)


def test_a_new_person_gets_a_verified_account_and_the_role(project: Project, admin: User) -> None:
    user = accept_as_new(invite(project, admin))
    assert user.email == "new@example.org"
    assert user.check_password(PASSWORD)
    assert user.time_zone == "Europe/Berlin"
    address = EmailAddress.objects.get(user=user)
    assert (address.verified, address.primary) == (True, True)
    assert Membership.objects.get(user=user).role == Role.REVIEWER
    assert audited(project) == ["invitation.create", "member.add", "invitation.accept"]
    assert Notification.objects.get(user=admin).title == "New joined Alpha"


def test_a_link_works_once(project: Project, admin: User) -> None:
    issued = invite(project, admin)
    accept_as_new(issued)
    with pytest.raises(NoLongerValid):
        invitations.find(secret=issued.secret, now=NOON)
    with pytest.raises(NoLongerValid):
        accept_as_new(issued)
    assert User.objects.count() == 2


@pytest.mark.parametrize(("after", "works"), [(timedelta(days=7, seconds=-1), True), (timedelta(days=7), False)])
def test_a_link_works_for_seven_days(after: timedelta, works: bool, project: Project, admin: User) -> None:
    issued = invite(project, admin)
    if works:
        assert invitations.find(secret=issued.secret, now=NOON + after) == issued.invitation
    else:
        with pytest.raises(NoLongerValid):
            invitations.find(secret=issued.secret, now=NOON + after)


def test_inviting_again_revokes_the_older_link(project: Project, admin: User) -> None:
    older = invite(project, admin)
    newer = invite(project, admin, "new@example.org")
    with pytest.raises(NoLongerValid):
        invitations.find(secret=older.secret, now=NOON)
    assert invitations.find(secret=newer.secret, now=NOON) == newer.invitation


def test_a_revoked_link_and_one_to_an_archived_project_do_not_work(project: Project, admin: User) -> None:
    issued = invite(project, admin)
    projects.archive(project=project, by=admin, now=NOON)
    with pytest.raises(NoLongerValid):
        invitations.find(secret=issued.secret, now=NOON)
    projects.restore(project=project, by=admin, now=NOON)
    assert invitations.revoke(invitation=issued.invitation, by=admin, now=NOON)
    assert not invitations.revoke(invitation=issued.invitation, by=admin, now=NOON)
    with pytest.raises(NoLongerValid):
        invitations.find(secret=issued.secret, now=NOON)


def test_a_member_is_not_invited_again(project: Project, admin: User) -> None:
    with pytest.raises(ValidationError) as refusal:
        invite(project, admin, "ADA@example.org")
    assert list(refusal.value.message_dict) == ["email"]


def test_an_existing_person_joins_with_their_account(project: Project, admin: User, person: MakePerson) -> None:
    rita = person("Rita")
    issued = invite(project, admin, "rita@example.org")
    with pytest.raises(ValidationError, match="has an account"):
        accept_as_new(issued)
    invitations.accept(invitation=issued.invitation, user=rita, now=NOON)
    assert Membership.objects.get(user=rita).role == Role.REVIEWER


def test_somebody_else_cannot_use_the_invitation(project: Project, admin: User, person: MakePerson) -> None:
    mallory = person("Mallory")
    issued = invite(project, admin)
    with pytest.raises(ValidationError, match=r"for new@example\.org"):
        invitations.accept(invitation=issued.invitation, user=mallory, now=NOON)
    assert not Membership.objects.filter(user=mallory).exists()
    assert invitations.find(secret=issued.secret, now=NOON) == issued.invitation


def test_a_second_verified_address_counts_as_the_persons_own_but_an_unverified_one_does_not(
    person: MakePerson,
) -> None:
    rita = person("Rita")
    EmailAddress.objects.create(user=rita, email="rita@work.example", verified=True)
    EmailAddress.objects.create(user=rita, email="boss@work.example", verified=False)
    assert invitations.account_of("Rita@Work.example") == rita
    assert invitations.account_of("boss@work.example") is None
