"""Signing in, and getting back in."""

from django.core import mail
from django.test import Client
from pytest_django import Settings

from agents.models import Project, User
from agents.roles import Role
from agents.services import first_run
from console.lib import clock
from tests.agents.conftest import PASSWORD, MakePerson


def attempt(email: str, password: str) -> int:
    return Client().post("/accounts/login/", {"login": email, "password": password}).status_code


def test_the_address_is_not_case_sensitive(admin: User) -> None:
    assert attempt("ADA@Example.org", PASSWORD) == 302


def test_the_first_admin_is_shown_times_in_the_zone_of_their_browser_until_they_choose_one(db: None) -> None:
    given = first_run.create(keep=lambda _: None, now=clock.now())
    assert given is not None

    def sign_in(zone: str) -> Client:
        client = Client()
        fields = {"login": given.email, "password": given.password, "time_zone": zone}
        assert client.post("/accounts/login/", fields).status_code == 302
        return client

    def zone() -> str:
        return User.objects.get(email=given.email).time_zone

    assert "data-time-zone" in Client().get("/accounts/login/").content.decode()
    nowhere = sign_in("Middle/Earth")
    assert zone() == ""
    assert 'value="UTC"' in nowhere.get("/account/").content.decode()
    assert nowhere.post("/account/notifications/", {"notify_in_app": "on"}).status_code in (200, 302)
    sign_in("Asia/Tokyo")
    assert zone() == "Asia/Tokyo"
    sign_in("Europe/Berlin")
    assert zone() == "Asia/Tokyo"


def test_whoever_chose_utc_stays_there(admin: User) -> None:
    assert admin.time_zone == "UTC"
    Client().post("/accounts/login/", {"login": admin.email, "password": PASSWORD, "time_zone": "Asia/Tokyo"})
    admin.refresh_from_db()
    assert admin.time_zone == "UTC"


def test_guessing_one_accounts_password_is_stopped_and_others_still_get_in(admin: User, person: MakePerson) -> None:
    rita = person("Rita")
    for _ in range(5):
        assert attempt(admin.email, "wrong") == 200
    blocked = Client().post("/accounts/login/", {"login": admin.email, "password": PASSWORD})
    assert "Too many failed login attempts" in blocked.content.decode()
    assert attempt(rita.email, PASSWORD) == 302


def test_an_office_may_sign_in_from_one_address(person: MakePerson) -> None:
    people = [person(f"Person{number}") for number in range(40)]
    assert {attempt(user.email, PASSWORD) for user in people} == {302}


def test_a_deactivated_person_does_not_get_in(person: MakePerson) -> None:
    gone = person("Gone", is_active=False)
    client = Client()
    client.post("/accounts/login/", {"login": gone.email, "password": PASSWORD})
    assert client.get("/account/").status_code == 302


def test_without_a_mail_server_the_reset_page_says_whom_to_ask(admin: User, settings: Settings) -> None:
    settings.EMAIL_HOST = ""
    page = Client().get("/accounts/password/reset/").content.decode()
    assert "Ask an admin of your project" in page
    assert 'name="email"' not in page


def test_with_a_mail_server_the_link_is_mailed(admin: User, settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.example.org"
    assert 'name="email"' in Client().get("/accounts/password/reset/").content.decode()
    Client().post("/accounts/password/reset/", {"email": admin.email})
    [letter] = mail.outbox
    assert letter.to == [admin.email]
    assert "/accounts/password/reset/key/" in str(letter.body)


def test_somebody_removed_in_the_admin_site_is_out_at_the_next_request(person: MakePerson, project: Project) -> None:
    rita = person("Rita", Role.LEAD, project)
    client = Client()
    client.post("/accounts/login/", {"login": rita.email, "password": PASSWORD})
    assert client.get("/account/").status_code == 200
    User.objects.filter(pk=rita.pk).update(is_active=False)
    assert client.get("/account/").status_code == 302


def test_a_changed_password_leads_back_to_the_account_and_keeps_this_session(admin: User) -> None:
    client = Client()
    client.post("/accounts/login/", {"login": admin.email, "password": PASSWORD})
    new = "an even longer sentence"
    answer = client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert answer.headers["Location"] == "/account/"
    assert client.get("/account/").status_code == 200
    assert attempt(admin.email, new) == 302
