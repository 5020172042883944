"""The pages of members."""

import re

import pytest
from django.core import mail
from django.test import Client
from pytest_django import Settings

from agents.models import Invitation, Membership, Project, User
from agents.roles import Role
from agents.services import invitations
from console.lib import clock
from tests.agents.conftest import Browse, MakePerson

PAGE = "/p/alpha/settings/members/"


@pytest.fixture
def browser(admin: User, browse: Browse) -> Client:
    return browse(admin)


@pytest.fixture
def rita(project: Project, person: MakePerson) -> Membership:
    return Membership.objects.get(user=person("Rita", Role.REVIEWER, project))


def test_the_page_lists_members_and_open_invitations(
    browser: Client, rita: Membership, project: Project, admin: User
) -> None:
    invitations.invite(project=project, email="soon@example.org", role=Role.LEAD, by=admin, now=clock.now())
    page = browser.get(PAGE).content.decode()
    assert "rita@example.org" in page
    assert "soon@example.org" in page


def test_an_invitation_without_an_address_is_refused_in_place(browser: Client) -> None:
    answer = browser.post(PAGE, {"email": "nobody", "role": "lead"})
    assert answer.status_code == 422
    assert b"Enter a valid email address" in answer.content
    assert b'value="nobody"' in answer.content


def test_a_role_is_changed_from_the_page(browser: Client, rita: Membership) -> None:
    answer = browser.post(f"{PAGE}{rita.pk}/role/", {"role": "lead"}, follow=True)
    assert "Rita is Lead now." in answer.content.decode()
    rita.refresh_from_db()
    assert rita.role == Role.LEAD


def test_an_invented_role_changes_nothing(browser: Client, rita: Membership) -> None:
    browser.post(f"{PAGE}{rita.pk}/role/", {"role": "emperor"})
    rita.refresh_from_db()
    assert rita.role == Role.REVIEWER


def test_the_last_admin_is_told_why_they_cannot_step_down(browser: Client, admin: User) -> None:
    own = Membership.objects.get(user=admin)
    answer = browser.post(f"{PAGE}{own.pk}/role/", {"role": "viewer"}, follow=True)
    assert "This is the last admin" in answer.content.decode()


def test_removing_asks_first(browser: Client, rita: Membership) -> None:
    path = f"{PAGE}{rita.pk}/remove/"
    assert b"sees nothing of Alpha" in browser.get(path).content
    assert Membership.objects.filter(pk=rita.pk).exists()
    assert browser.post(path).headers["Location"] == PAGE
    assert not Membership.objects.filter(pk=rita.pk).exists()


def test_an_admin_who_removes_themselves_lands_outside(
    browser: Client, admin: User, person: MakePerson, project: Project
) -> None:
    person("Bob", Role.ADMIN, project)
    own = Membership.objects.get(user=admin)
    assert browser.post(f"{PAGE}{own.pk}/remove/").headers["Location"] == "/"
    assert b"You belong to no project" in browser.get("/", follow=True).content


def test_a_member_of_another_project_does_not_exist_here(
    browser: Client, person: MakePerson, other_project: Project
) -> None:
    foreign = Membership.objects.get(user=person("Rita", Role.VIEWER, other_project))
    for path in ("role", "remove", "reset-link"):
        assert browser.post(f"{PAGE}{foreign.pk}/{path}/", {"role": "lead"}).status_code == 404


def test_an_invitation_is_revoked_from_the_page(browser: Client, project: Project, admin: User) -> None:
    issued = invitations.invite(project=project, email="soon@example.org", role=Role.LEAD, by=admin, now=clock.now())
    path = f"/p/alpha/settings/invitations/{issued.invitation.pk}/revoke/"
    assert "is revoked" in browser.post(path, follow=True).content.decode()
    assert Invitation.objects.get().revoked_at is not None
    assert "did not work any more" in browser.post(path, follow=True).content.decode()


def test_a_reset_link_is_shown_without_a_mail_server_and_mailed_with_one(
    browser: Client, rita: Membership, settings: Settings
) -> None:
    path = f"{PAGE}{rita.pk}/reset-link/"
    settings.EMAIL_HOST = ""
    shown = browser.post(path)
    assert re.search(r"http://[^<\s]+/accounts/password/reset/key/", shown.content.decode())
    assert "no-store" in shown.headers["Cache-Control"]
    settings.EMAIL_HOST = "mail.example.org"
    assert browser.post(path).status_code == 302
    [letter] = mail.outbox
    assert letter.to == ["rita@example.org"]
    assert "/accounts/password/reset/key/" in str(letter.body)


def test_who_may_not_be_taken_over_is_explained(browser: Client, person: MakePerson, project: Project) -> None:
    staff = Membership.objects.get(user=person("Sam", Role.VIEWER, project, is_staff=True))
    answer = browser.post(f"{PAGE}{staff.pk}/reset-link/", follow=True)
    assert "only the operator of this console" in answer.content.decode()
