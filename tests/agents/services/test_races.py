"""Two people at the same instant: exactly one of them wins."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from agents.models import ApiKey, Membership, Project, User
from agents.permissions import Scope
from agents.roles import Role
from agents.services import first_run, invitations, keys, members
from tests.agents.conftest import NOON, PASSWORD, MakePerson

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*acts: Callable[[], object]) -> list[str]:
    """Runs the acts in threads that start together; returns the class name of each exception, "" for success."""
    start = Barrier(len(acts))

    def run(act: Callable[[], object]) -> str:
        start.wait(timeout=10)
        try:
            act()
        except (ValidationError, invitations.NoLongerValid) as error:
            return type(error).__name__
        finally:
            connection.close()
        return ""

    with ThreadPoolExecutor(len(acts)) as pool:
        return sorted(pool.map(run, acts))


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
