"""What an invited person meets behind the link."""

import re

import pytest
from django.core import mail
from django.test import Client
from pytest_django import Settings

from agents.models import Invitation, Membership, Project, User
from agents.roles import Role
from agents.services import invitations
from console.lib import clock
from tests.agents.conftest import PASSWORD, Browse, MakePerson

FORM = {"name": "New Person", "password": PASSWORD, "password_again": PASSWORD, "time_zone": "Asia/Tokyo"}


@pytest.fixture
def link(project: Project, admin: User) -> str:
    issued = invitations.invite(project=project, email="new@example.org", role=Role.REVIEWER, by=admin, now=clock.now())
    return f"/invitations/{issued.secret}/"


def stamp_of(page: bytes) -> str:
    found = re.search(rb'name="stamp" value="([^"]+)"', page)
    assert found
    return found.group(1).decode()


def invite(client: Client, email: str) -> bytes:
    path = "/p/alpha/settings/members/"
    stamp = stamp_of(client.get(path).content)
    return client.post(path, {"email": email, "role": "reviewer", "stamp": stamp}).content


def test_a_new_person_makes_an_account_and_is_signed_in(link: str, project: Project) -> None:
    client = Client()
    page = client.get(link)
    assert b"new@example.org" in page.content
    joined = client.post(link, FORM, follow=True)
    assert joined.redirect_chain[-1][0] == "/p/alpha/"
    user = User.objects.get(email="new@example.org")
    assert user.time_zone == "Asia/Tokyo"
    assert int(client.session["_auth_user_id"]) == user.pk
    # Choosing the password counts as having just authenticated, so nothing asks for it again at once.
    assert client.session["account_authentication_methods"][0]["method"] == "password"


def test_the_new_account_signs_in_again_without_confirming_the_address(link: str) -> None:
    Client().post(link, FORM)
    again = Client().post("/accounts/login/", {"login": "new@example.org", "password": PASSWORD})
    assert again.headers["Location"] == "/"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"password": "short", "password_again": "short"}, "too short"),
        ({"password": "newperson@", "password_again": "newperson@"}, "too similar"),
        ({"password_again": "something else"}, "not the same"),
        ({"name": ""}, "required"),
    ],
)
def test_a_refused_form_says_why_and_keeps_what_was_typed(link: str, change: dict[str, str], words: str) -> None:
    answer = Client().post(link, FORM | change)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    if change.get("name") is None:
        assert b'value="New Person"' in answer.content
    assert User.objects.filter(email="new@example.org").count() == 0


def test_an_unknown_time_zone_becomes_utc(link: str) -> None:
    Client().post(link, FORM | {"time_zone": "Mars/Olympus"})
    assert User.objects.get(email="new@example.org").time_zone == "UTC"


def test_a_used_link_and_an_invented_one_say_the_same(link: str) -> None:
    Client().post(link, FORM)
    used, invented = Client().get(link), Client().get("/invitations/invented/")
    assert used.status_code == invented.status_code == 410
    assert b"no longer works" in used.content


def test_somebody_with_an_account_signs_in_first_and_comes_back(link: str, person: MakePerson) -> None:
    rita = person("new")
    client = Client()
    page = client.get(link)
    assert b"has an account here" in page.content
    assert f"/accounts/login/?next={link.replace('/', '%2F')}".encode() in page.content
    back = client.post(f"/accounts/login/?next={link}", {"login": rita.email, "password": PASSWORD})
    assert back.headers["Location"] == link
    assert b"You are signed in as new@example.org" in client.get(link).content
    assert client.post(link).headers["Location"] == "/"
    assert Membership.objects.get(user=rita).role == Role.REVIEWER


def test_somebody_signed_in_with_another_address_is_told_so(link: str, person: MakePerson, browse: Browse) -> None:
    browser = browse(person("Mallory"))
    for answer in (browser.get(link), browser.post(link)):
        assert b"This invitation is for somebody else" in answer.content
        assert b"mallory@example.org" in answer.content
    assert not Membership.objects.filter(user__email="mallory@example.org").exists()
    assert Invitation.objects.get().accepted_at is None


def test_guessing_links_is_slowed_down(db: None) -> None:
    client = Client()
    statuses = [client.post("/invitations/guess/", FORM).status_code for _ in range(22)]
    assert statuses[0] == 410
    assert statuses[-1] == 429


def test_without_a_mail_server_the_link_is_shown_once(admin: User, browse: Browse, settings: Settings) -> None:
    settings.EMAIL_HOST = ""
    browser = browse(admin)
    page = invite(browser, "dana@example.org").decode()
    found = re.search(r"http://[^<\s]+/invitations/[\w-]+/", page)
    assert found
    assert Client().get("/" + found.group(0).split("/", 3)[3]).status_code == 200
    assert "/invitations/" not in re.sub(
        r"/settings/invitations/", "", browser.get("/p/alpha/settings/members/").content.decode()
    )
    assert mail.outbox == []


def test_sending_the_same_form_twice_invites_once(admin: User, browse: Browse) -> None:
    browser = browse(admin)
    path = "/p/alpha/settings/members/"
    form = {"email": "dana@example.org", "role": "reviewer", "stamp": stamp_of(browser.get(path).content)}
    assert browser.post(path, form).status_code == 200
    again = browser.post(path, form)
    assert again.status_code == 302
    assert Invitation.objects.count() == 1


def test_with_a_mail_server_the_link_is_mailed_and_not_shown(admin: User, browse: Browse, settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.example.org"
    browser = browse(admin)
    shown = invite(browser, "dana@example.org")
    assert shown == b""
    [letter] = mail.outbox
    assert letter.to == ["dana@example.org"]
    assert letter.subject == "[Handrail] Ada invites you to Alpha"
    assert re.search(r"/invitations/[\w-]+/", str(letter.body))


def test_when_the_mail_server_fails_the_link_is_shown_instead(
    admin: User, browse: Browse, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMAIL_HOST = "mail.example.org"

    def refuse(*args: object, **kwargs: object) -> int:
        raise ConnectionRefusedError

    monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse)
    page = invite(browse(admin), "dana@example.org").decode()
    assert "did not take the message" in page
    assert re.search(r"/invitations/[\w-]+/", page)


def test_sign_up_without_an_invitation_is_closed(db: None) -> None:
    answer = Client().post(
        "/accounts/signup/", {"email": "x@example.org", "password1": PASSWORD, "password2": PASSWORD}
    )
    assert answer.status_code == 200
    assert not User.objects.exists()
