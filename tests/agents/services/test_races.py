"""Two people at the same instant: exactly one of them wins."""

from functools import partial

import pytest
from django.core.exceptions import ValidationError

from agents.models import ApiKey, Membership, Project, User
from agents.permissions import Scope
from agents.roles import Role
from agents.services import first_run, invitations, keys, members
from tests import racing
from tests.agents.conftest import NOON, PASSWORD, MakePerson

pytestmark = pytest.mark.django_db(transaction=True)


at_once = partial(racing.at_once, refusals=(ValidationError, invitations.NoLongerValid))


def test_two_admins_cannot_demote_each_other(project: Project, admin: User, person: MakePerson) -> None:
    bob = person("Bob", Role.ADMIN, project)
    ada, other = (Membership.objects.get(user=user) for user in (admin, bob))
    outcome = at_once(
        lambda: members.change_role(membership=other, role=Role.VIEWER, by=admin, now=NOON),
        lambda: members.change_role(membership=ada, role=Role.VIEWER, by=bob, now=NOON),
    )
    assert outcome == ["", "ValidationError"]
    assert Membership.objects.filter(role=Role.ADMIN).count() == 1


def test_one_link_makes_one_account(project: Project, admin: User) -> None:
    link = invitations.invite(project=project, email="new@example.org", role=Role.LEAD, by=admin, now=NOON).invitation

    def accept() -> object:
        return invitations.accept_as_new(invitation=link, name="New", password=PASSWORD, time_zone="UTC", now=NOON)

    assert at_once(accept, accept, accept) == ["", "NoLongerValid", "NoLongerValid"]
    assert User.objects.filter(email="new@example.org").count() == 1


def test_a_key_is_rotated_once(project: Project, admin: User) -> None:
    key = keys.create(
        project=project, name="bot", scopes=[Scope.ADMIN], expires_at=None, allowed_networks=[], by=admin, now=NOON
    ).key

    def rotate() -> object:
        return keys.rotate(key=key, overlap=keys.OVERLAP_MAX, by=admin, now=NOON)

    assert at_once(rotate, rotate) == ["", "ValidationError"]
    assert ApiKey.objects.count() == 2


def test_a_crash_while_keeping_the_first_password_leaves_nobody(db: None) -> None:
    def crash(credentials: first_run.Credentials) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        first_run.create(keep=crash, now=NOON)
    assert not User.objects.exists()
    assert not Project.objects.exists()
