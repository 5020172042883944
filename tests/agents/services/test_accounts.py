import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from agents.models import AuditEvent, Membership, Project, User
from agents.roles import Role
from agents.services import accounts
from tests.agents.conftest import NOON, MakePerson


def link_for(user: User, project: Project, by: User, *, handed_over: bool = True) -> str:
    membership = Membership.objects.get(user=user, project=project)
    return accounts.reset_link(membership=membership, by=by, handed_over=handed_over, now=NOON)


def test_a_profile_change_is_saved_and_audited_with_what_was_before(person: MakePerson) -> None:
    rita = person("Rita")
    accounts.change_profile(user=rita, name="Rita R.", time_zone="Asia/Tokyo", now=NOON)
    rita.refresh_from_db()
    assert (rita.name, rita.time_zone) == ("Rita R.", "Asia/Tokyo")
    assert AuditEvent.objects.get().detail["time_zone"] == {"from": "UTC", "to": "Asia/Tokyo"}


def test_an_unknown_time_zone_is_refused_by_field(person: MakePerson) -> None:
    with pytest.raises(ValidationError) as refusal:
        accounts.change_profile(user=person("Rita"), time_zone="Mars/Olympus", now=NOON)
    assert list(refusal.value.message_dict) == ["time_zone"]


def test_the_link_really_sets_a_new_password(project: Project, admin: User, person: MakePerson) -> None:
    rita = person("Rita", Role.REVIEWER, project)
    client = Client()
    form = client.get(link_for(rita, project, admin), follow=True)
    assert form.status_code == 200
    new = {"password1": "another long password", "password2": "another long password"}
    client.post(form.redirect_chain[-1][0], new)
    rita.refresh_from_db()
    assert rita.check_password("another long password")
    assert AuditEvent.objects.get(action="member.reset_link").actor_user == admin


def test_an_admin_cannot_take_over_who_reaches_more_than_they_rule(
    project: Project, other_project: Project, admin: User, person: MakePerson
) -> None:
    elsewhere = person("Rita", Role.REVIEWER, project)
    Membership.objects.create(user=elsewhere, project=other_project, role=Role.VIEWER)
    staff = person("Sam", Role.VIEWER, project, is_staff=True)
    for target in (elsewhere, staff):
        with pytest.raises(ValidationError, match="not an admin"):
            link_for(target, project, admin)
    assert "/accounts/password/reset/key/" in link_for(elsewhere, project, admin, handed_over=False)
    Membership.objects.create(user=admin, project=other_project, role=Role.ADMIN)
    assert "/accounts/password/reset/key/" in link_for(elsewhere, project, admin)


def test_there_is_no_link_for_a_deactivated_account(project: Project, admin: User, person: MakePerson) -> None:
    gone = person("Gone", Role.REVIEWER, project, is_active=False)
    with pytest.raises(ValidationError, match="deactivated"):
        link_for(gone, project, admin)
