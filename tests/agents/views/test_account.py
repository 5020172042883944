"""The account page."""

import re

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client
from pytest_django import Settings

from agents.models import Membership, PersonalToken, Project, User
from agents.roles import Role
from tests.agents.conftest import PASSWORD, Browse, MakePerson


@pytest.fixture
def rita(project: Project, admin: User, person: MakePerson) -> User:
    return person("Rita", Role.REVIEWER, project)


@pytest.fixture
def browser(rita: User, browse: Browse) -> Client:
    return browse(rita)


def sign_in(user: User, agent: str) -> Client:
    client = Client(headers={"user-agent": agent})
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    client.get("/account/")
    return client


def test_name_and_time_zone_are_saved_and_times_follow(browser: Client, rita: User) -> None:
    answer = browser.post("/account/", {"name": "Rita R.", "time_zone": "Asia/Tokyo"}, follow=True)
    assert answer.redirect_chain[-1][0] == "/account/#profile"
    rita.refresh_from_db()
    assert (rita.name, rita.time_zone) == ("Rita R.", "Asia/Tokyo")
    assert b"JST" in browser.get("/account/").content


def test_an_unknown_time_zone_is_refused_and_the_shell_keeps_the_old_name(browser: Client, rita: User) -> None:
    answer = browser.post("/account/", {"name": "Somebody", "time_zone": "Mars/Olympus"})
    assert answer.status_code == 422
    assert b"Mars/Olympus is not a time zone" in answer.content
    rita.refresh_from_db()
    assert rita.name == "Rita"


def test_notification_switches_are_saved_and_mail_is_offered_only_with_a_mail_server(
    browser: Client, rita: User, settings: Settings
) -> None:
    settings.EMAIL_HOST = ""
    assert b"notify_by_email" not in browser.get("/account/").content
    browser.post("/account/notifications/", {"notify_on_desktop": "on"})
    rita.refresh_from_db()
    assert (rita.notify_in_app, rita.notify_on_desktop, rita.notify_by_email) == (False, True, False)
    settings.EMAIL_HOST = "mail.example.org"
    browser.post("/account/notifications/", {"notify_in_app": "on", "notify_by_email": "on"})
    rita.refresh_from_db()
    assert (rita.notify_in_app, rita.notify_on_desktop, rita.notify_by_email) == (True, False, True)


def test_a_token_is_shown_once_and_revoked(browser: Client, rita: User) -> None:
    found = re.search(r'name="stamp" value="([^"]+)"', browser.get("/account/").content.decode())
    assert found
    form = {"name": "laptop", "expires_in": "30", "stamp": found.group(1)}
    made = browser.post("/account/tokens/", form).content.decode()
    secret = re.findall(r"hrp_[\w-]{43}", made)[0]
    headers = {"authorization": f"Bearer {secret}"}
    assert Client().get("/api/v1/approvals", headers=headers).status_code == 200
    assert browser.post("/account/tokens/", form).status_code == 302
    token = PersonalToken.objects.get()
    assert secret not in browser.get("/account/").content.decode()
    browser.post(f"/account/tokens/{token.pk}/revoke/")
    assert Client().get("/api/v1/approvals", headers=headers).status_code == 401
    assert "laptop" not in browser.get("/account/").content.decode().split('id="tokens"')[1].split('id="sessions"')[0]


def test_a_token_without_a_name_is_refused_in_place(browser: Client) -> None:
    answer = browser.post("/account/tokens/", {"name": "", "expires_in": "never"})
    assert answer.status_code == 422
    assert not PersonalToken.objects.exists()


def test_nobody_revokes_somebody_elses_token(browser: Client, admin: User) -> None:
    token = PersonalToken.objects.create(user=admin, name="x", secret_hash=b"x" * 32, hint="hrp_x")
    assert browser.post(f"/account/tokens/{token.pk}/revoke/").status_code == 404


def test_sessions_are_listed_and_ended(rita: User) -> None:
    here = sign_in(rita, "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
    phone = sign_in(rita, "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1")
    page = here.get("/account/").content.decode()
    assert "Firefox on Linux" in page
    assert "Safari on iPhone" in page
    other = UserSession.objects.get(user=rita, user_agent__contains="iPhone")
    here.post("/account/sessions/end/", {"id": other.pk})
    assert phone.get("/account/").status_code == 302
    assert here.get("/account/").status_code == 200


def test_all_other_sessions_are_ended_at_once_but_nobody_elses(rita: User, admin: User) -> None:
    here, there, stranger = sign_in(rita, "one"), sign_in(rita, "two"), sign_in(admin, "three")
    here.post("/account/sessions/end/", {"id": UserSession.objects.get(user=admin).pk})
    assert stranger.get("/account/").status_code == 200
    here.post("/account/sessions/end/")
    assert [client.get("/account/").status_code for client in (here, there, stranger)] == [200, 302, 200]


def test_leaving_a_project_asks_first(browser: Client, rita: User) -> None:
    path = f"/account/projects/{Membership.objects.get(user=rita).pk}/leave/"
    assert b"Leave Alpha?" in browser.get(path).content
    browser.post(path)
    assert not Membership.objects.filter(user=rita).exists()


def test_the_last_admin_cannot_leave(admin: User, browse: Browse) -> None:
    path = f"/account/projects/{Membership.objects.get(user=admin).pk}/leave/"
    assert "This is the last admin" in browse(admin).post(path, follow=True).content.decode()
    assert Membership.objects.filter(user=admin).exists()
