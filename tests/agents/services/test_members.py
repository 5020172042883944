import pytest
from django.core.exceptions import ValidationError

from agents.models import Membership, Notification, Project, User
from agents.roles import Role
from agents.services import members
from console.lib import live
from tests.agents.conftest import NOON, MakePerson, audited


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ids of people whose connections are checked again."""
    seen: list[int] = []
    monkeypatch.setattr(live, "access_changed", seen.extend)
    return seen


def membership_of(user: User, project: Project) -> Membership:
    return Membership.objects.get(user=user, project=project)


def test_a_new_role_is_saved_told_and_audited(project: Project, admin: User, person: MakePerson) -> None:
    rita = person("Rita", Role.VIEWER, project)
    members.change_role(membership=membership_of(rita, project), role=Role.LEAD, by=admin, now=NOON)
    assert membership_of(rita, project).role == Role.LEAD
    assert audited(project) == ["member.change"]
    told = Notification.objects.get(user=rita)
    assert told.title == "You are now Lead in Alpha"


def test_the_last_admin_can_neither_be_demoted_nor_removed_nor_leave(
    project: Project, admin: User, person: MakePerson
) -> None:
    person("Rita", Role.LEAD, project)
    own = membership_of(admin, project)
    with pytest.raises(ValidationError, match="last admin"):
        members.change_role(membership=own, role=Role.LEAD, by=admin, now=NOON)
    with pytest.raises(ValidationError, match="last admin"):
        members.remove(membership=own, by=admin, now=NOON)
    assert membership_of(admin, project).role == Role.ADMIN
    assert audited(project) == []


def test_a_deactivated_admin_does_not_count_as_another_admin(project: Project, admin: User, person: MakePerson) -> None:
    person("Gone", Role.ADMIN, project, is_active=False)
    with pytest.raises(ValidationError, match="last admin"):
        members.remove(membership=membership_of(admin, project), by=admin, now=NOON)


def test_with_another_admin_the_first_may_leave(project: Project, admin: User, person: MakePerson) -> None:
    person("Bob", Role.ADMIN, project)
    members.remove(membership=membership_of(admin, project), by=admin, now=NOON)
    assert not Membership.objects.filter(user=admin).exists()
    assert audited(project) == ["member.leave"]


def test_removing_somebody_closes_their_open_windows(
    project: Project, admin: User, person: MakePerson, checked: list[int]
) -> None:
    rita = person("Rita", Role.REVIEWER, project)
    members.remove(membership=membership_of(rita, project), by=admin, now=NOON)
    assert checked == [rita.pk]
    assert audited(project) == ["member.remove"]


def test_a_member_who_was_removed_meanwhile_is_an_answer_not_a_crash(
    project: Project, admin: User, person: MakePerson
) -> None:
    gone = membership_of(person("Rita", Role.REVIEWER, project), project)
    members.remove(membership=gone, by=admin, now=NOON)
    stale = Membership(pk=-1, project=project)
    with pytest.raises(ValidationError, match="no longer a member"):
        members.change_role(membership=stale, role=Role.LEAD, by=admin, now=NOON)


def test_adding_a_member_again_keeps_the_role_they_have(project: Project, admin: User, person: MakePerson) -> None:
    rita = person("Rita", Role.LEAD, project)
    assert members.add(project=project, user=rita, role=Role.VIEWER, by=admin, now=NOON).role == Role.LEAD
    assert audited(project) == []
