"""Who is let into the API, by which header, how often."""

import base64
from datetime import timedelta

import pytest
from django.test import Client, override_settings

from agents.authentication import caller_from_headers, secret_in
from agents.models import ApiKey, Project
from agents.permissions import Scope
from agents.roles import Role
from console.lib import clock
from console.lib.http import Problem
from tests.agents.conftest import NOON, Browse, MakeKey, MakePerson

PATH = "/api/v1/approvals"


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer {}"},
        {"authorization": "bearer {}"},
        {"authorization": "{}"},
        {"x-api-key": "{}"},
        {"api_key": "{}"},
        {"authorization": "BASIC"},
    ],
    ids=["bearer", "bearer in lower case", "bare", "x-api-key", "api_key", "basic password"],
)
def test_every_form_that_telemetry_clients_send_is_the_same_key(headers: dict[str, str], key: MakeKey) -> None:
    issued = key()
    filled = {name: value.format(issued.secret) for name, value in headers.items()}
    if filled.get("authorization") == "BASIC":
        filled = {"authorization": basic("pk-anything", issued.secret)}
    caller = caller_from_headers(filled, "127.0.0.1", NOON)
    assert caller is not None
    assert caller.key == issued.key


def test_authorization_wins_over_other_headers_and_rubbish_is_no_secret() -> None:
    assert secret_in({"authorization": "Bearer one", "x-api-key": "two"}) == "one"
    assert secret_in({}) is None
    assert secret_in({"authorization": "  "}) is None
    assert secret_in({"authorization": "Basic %%%"}) == "%%%"


@pytest.mark.parametrize("secret", ["hr_unknown", "hrp_unknown", "sk-live-1234", "hr_" + "x" * 5000, "hr_\x00"])
def test_an_unknown_secret_is_401_with_a_challenge(secret: str, db: None) -> None:
    answer = Client().get(PATH, headers={"authorization": f"Bearer {secret}"})
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_key_of_an_archived_project_is_refused(project: Project, key: MakeKey) -> None:
    issued = key()
    Project.objects.update(archived_at=NOON)
    with pytest.raises(Problem) as refusal:
        caller_from_headers({"x-api-key": issued.secret}, "127.0.0.1", NOON)
    assert refusal.value.status == 401


def test_last_use_is_kept_to_the_minute(key: MakeKey) -> None:
    secret = key().secret
    for seconds, kept in [(0, 0), (59, 0), (60, 60)]:
        caller_from_headers({"x-api-key": secret}, "127.0.0.1", NOON + timedelta(seconds=seconds))
        assert ApiKey.objects.get().last_used_at == NOON + timedelta(seconds=kept)


def test_a_missing_scope_is_named(key: MakeKey) -> None:
    secret = key(scopes=[Scope.TELEMETRY_WRITE]).secret
    answer = Client().get(PATH, headers={"x-api-key": secret})
    assert answer.status_code == 403
    assert answer.json()["missing_scope"] == "approvals:request"


def test_a_persons_request_must_name_the_project_when_they_have_several(
    project: Project, other_project: Project, person: MakePerson, browse: Browse
) -> None:
    rita = person("Rita", Role.REVIEWER, project)
    browser = browse(rita)
    assert browser.get(PATH).status_code == 200
    rita.memberships.create(project=other_project, role=Role.VIEWER)
    unnamed = browser.get(PATH)
    assert unnamed.status_code == 400
    assert unnamed.json()["errors"][0]["field"] == "project"
    assert browser.get(PATH, {"project": "beta"}).status_code == 200
    assert browser.get(PATH, headers={"handrail-project": "alpha"}).status_code == 200
    assert browser.get(PATH, {"project": "gamma"}).status_code == 404


def test_a_browser_session_needs_the_csrf_token_to_change_anything(project: Project, person: MakePerson) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(person("Rita", Role.REVIEWER, project), backend="django.contrib.auth.backends.ModelBackend")
    path = "/api/v1/approvals/01890000-0000-7000-8000-000000000000/decisions"
    body = {"data": '{"verdict": "approve"}', "content_type": "application/json"}
    assert client.post(path, **body).status_code == 403  # type: ignore[arg-type]
    client.get("/account/")
    token = client.cookies["csrftoken"].value
    assert client.post(path, **body, headers={"x-csrftoken": token}).status_code == 404  # type: ignore[arg-type]


@override_settings(RATE_LIMIT_PER_KEY=1, RATE_LIMIT_PER_PERSON=2)
def test_too_many_requests_are_429_with_when_to_come_back(key: MakeKey) -> None:
    issued = key()
    statuses = []
    for _ in range(25):
        answer = Client().get(PATH, headers={"x-api-key": issued.secret})
        statuses.append(answer.status_code)
        if answer.status_code == 429:
            break
    assert statuses[:10] == [200] * 10
    assert statuses[-1] == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 10
    assert answer.headers["RateLimit"].startswith('"default";r=0;t=')
    assert answer.headers["RateLimit-Policy"] == '"default";q=10;w=10'
    assert answer.json()["status"] == 429


def test_default_limits_leave_room_for_300_requests_a_second() -> None:
    from django.conf import settings

    assert settings.RATE_LIMIT_PER_KEY >= 300
    assert settings.RATE_LIMIT_PER_PERSON >= 300


def test_a_key_revoked_while_in_use_is_refused_on_the_next_request(key: MakeKey) -> None:
    issued = key()
    headers = {"x-api-key": issued.secret}
    assert Client().get(PATH, headers=headers).status_code == 200
    ApiKey.objects.update(revoked_at=clock.now())
    assert Client().get(PATH, headers=headers).status_code == 401
