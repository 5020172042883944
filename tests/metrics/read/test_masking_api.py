"""GET and PUT /api/v1/masking."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from agents.models import ApiKey, AuditEvent, Project, api_key
from agents.models.credential import digest, new_secret
from agents.permissions import Scope
from metrics.models import MaskingPolicy

Call = Callable[..., Any]
POLICY = {
    "enabled": True,
    "mode": "pseudonym",
    "kinds": ["email", "phone"],
    "patterns": [{"name": "customer", "pattern": r"C-\d{6}"}],
}


def caller(project: Project, *scopes: Scope) -> Call:
    secret = new_secret(api_key.PREFIX)
    ApiKey.objects.create(project=project, name="key", secret_hash=digest(secret), scopes=list(scopes))

    def call(method: str, body: Any = None) -> Any:
        given = {} if body is None else {"data": body, "content_type": "application/json"}
        headers = {"authorization": f"Bearer {secret}"}
        return getattr(Client(), method)("/api/v1/masking", **given, headers=headers)

    return call


@pytest.fixture
def admin(project: Project, at_noon: None) -> Call:
    return caller(project, Scope.ADMIN)


def test_a_project_that_never_chose_is_told_the_defaults(admin: Call) -> None:
    assert admin("get").json() == {
        "enabled": True,
        "mode": "redact",
        "kinds": ["secret", "email", "card", "iban", "national_id", "phone"],
        "patterns": [],
        "changed_at": None,
    }


def test_a_policy_is_changed_and_told_back(admin: Call, project: Project) -> None:
    answer = admin("put", POLICY)
    assert answer.status_code == 200
    assert answer.json() == admin("get").json() == POLICY | {"changed_at": "2026-03-02T12:00:30.000000Z"}
    event = AuditEvent.objects.get(action="masking.change")
    assert (event.project, event.actor_key) == (project, ApiKey.objects.get())


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ([], "body"),
        ({}, "enabled"),
        (POLICY | {"enabled": "yes"}, "enabled"),
        (POLICY | {"mode": None}, "mode"),
        (POLICY | {"mode": "scramble"}, "mode"),
        (POLICY | {"kinds": "email"}, "kinds"),
        (POLICY | {"kinds": ["shoe size"]}, "kinds"),
        (POLICY | {"patterns": {}}, "patterns"),
        (POLICY | {"patterns": [{"name": "x"}]}, "patterns[0]"),
        (POLICY | {"patterns": [{"name": "x", "pattern": "x*"}]}, "patterns"),
    ],
)
def test_a_wrong_policy_is_refused_by_field(wrong: Any, field: str, admin: Call) -> None:
    answer = admin("put", wrong)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not MaskingPolicy.objects.exists()


def test_other_keys_may_neither_read_nor_change_it(project: Project, at_noon: None) -> None:
    call = caller(project, Scope.TELEMETRY_READ, Scope.TELEMETRY_WRITE)
    assert call("get").status_code == 403
    assert call("put", POLICY).status_code == 403


def test_a_key_changes_its_own_project_only(admin: Call, other_project: Project) -> None:
    admin("put", POLICY)
    assert not MaskingPolicy.objects.filter(project=other_project).exists()
    assert caller(other_project, Scope.ADMIN)("get").json()["mode"] == "redact"
