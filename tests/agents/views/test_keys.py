"""The pages of API keys."""

import re

import pytest
from django.conf import settings
from django.test import Client

from agents.models import ApiKey, User
from tests.agents.conftest import Browse, MakeKey

NEW = "/p/alpha/settings/keys/new/"
FORM = {"name": "support-agent", "scopes": ["telemetry:write"], "expires_in": "30", "allowed_networks": "10.0.0.0/8\n"}


@pytest.fixture
def browser(admin: User, browse: Browse) -> Client:
    return browse(admin)


def stamp_of(client: Client, path: str = NEW) -> str:
    found = re.search(r'name="stamp" value="([^"]+)"', client.get(path).content.decode())
    assert found
    return found.group(1)


def secret_in(page: bytes) -> str:
    found = re.search(r"hr_[\w-]{43}", page.decode())
    assert found
    return found.group(0)


def test_a_new_key_is_shown_once_with_what_an_otel_agent_needs(browser: Client) -> None:
    made = browser.post(NEW, FORM | {"stamp": stamp_of(browser)})
    secret = secret_in(made.content)
    assert "no-store" in made.headers["Cache-Control"]
    assert f"OTEL_EXPORTER_OTLP_ENDPOINT={settings.PUBLIC_URL}" in made.content.decode()
    assert f"Authorization=Bearer%20{secret}" in made.content.decode()
    key = ApiKey.objects.get()
    assert (key.name, key.scopes, key.allowed_networks) == ("support-agent", ["telemetry:write"], ["10.0.0.0/8"])
    assert key.expires_at is not None
    listed = browser.get("/p/alpha/settings/keys/").content.decode()
    assert key.hint in listed
    assert secret not in listed


def test_reloading_the_answer_makes_no_second_key(browser: Client) -> None:
    form = FORM | {"stamp": stamp_of(browser)}
    browser.post(NEW, form)
    assert browser.post(NEW, form).headers["Location"] == "/p/alpha/settings/keys/"
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, "This field is required"),
        ({"scopes": []}, "Choose at least one scope"),
        ({"scopes": ["everything"]}, "Select a valid choice"),
        ({"allowed_networks": "10.0.0.0/8\nnowhere"}, "neither an address nor a network"),
        ({"expires_in": "yesterday"}, "Select a valid choice"),
    ],
)
def test_a_refused_form_names_the_field_and_keeps_the_rest(
    change: dict[str, object], words: str, browser: Client
) -> None:
    answer = browser.post(NEW, FORM | {"stamp": stamp_of(browser)} | change)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert "10.0.0.0/8" in answer.content.decode()
    assert not ApiKey.objects.exists()


def test_rotating_shows_the_successor_and_when_the_old_key_ends(browser: Client, key: MakeKey) -> None:
    old = key()
    path = f"/p/alpha/settings/keys/{old.key.pk}/rotate/"
    made = browser.post(path, {"overlap_hours": "24", "stamp": stamp_of(browser, path)})
    assert made.status_code == 200
    assert secret_in(made.content) != old.secret
    assert "works until" in made.content.decode()
    assert "Being replaced" in browser.get("/p/alpha/settings/keys/").content.decode()
    again = browser.post(path, {"overlap_hours": "24", "stamp": stamp_of(browser, path)})
    assert again.status_code == 422
    assert "rotated already" in again.content.decode()


def test_revoking_asks_first_and_then_refuses_the_key(browser: Client, key: MakeKey) -> None:
    issued = key()
    path = f"/p/alpha/settings/keys/{issued.key.pk}/revoke/"
    assert b"cannot be undone" in browser.get(path).content
    headers = {"x-api-key": issued.secret}
    assert Client().get("/api/v1/approvals", headers=headers).status_code == 200
    assert browser.post(path).status_code == 302
    assert Client().get("/api/v1/approvals", headers=headers).status_code == 401
    assert "Revoked" in browser.get("/p/alpha/settings/keys/").content.decode()


def test_a_key_of_another_project_does_not_exist_here(browser: Client, key: MakeKey, other_project: object) -> None:
    foreign = key(project=other_project)
    for verb in ("rotate", "revoke"):
        assert browser.post(f"/p/alpha/settings/keys/{foreign.key.pk}/{verb}/").status_code == 404
    assert ApiKey.objects.get().revoked_at is None
