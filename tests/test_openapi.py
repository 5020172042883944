"""The OpenAPI document is complete, and what it promises holds for requests nobody thought of."""

import json
from typing import Any

import pytest
import schemathesis
from django.db import transaction
from django.test import Client
from django.urls import reverse
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from agents.models import ApiKey, Project, api_key
from agents.models.credential import digest, new_secret
from agents.permissions import Scope


def described() -> dict[str, Any]:
    with GENERATOR_STATS.silence():
        return SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-any-return, no-untyped-call]


def operations() -> dict[str, Any]:
    """Every described operation by method and path; one that cannot be read fails here."""
    found = [result.ok() for result in schemathesis.openapi.from_dict(described()).get_all_operations()]  # type: ignore[union-attr]
    return {f"{operation.method} {operation.path}": operation for operation in found}


OPERATIONS = operations()


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return described()


@pytest.mark.parametrize("name", OPERATIONS)
@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(data=st.data())
def test_no_described_request_is_answered_with_a_fault(name: str, data: st.DataObject, db: None) -> None:
    case = data.draw(OPERATIONS[name].as_strategy())
    request = case.as_transport_kwargs(base_url="http://testserver")
    body = request.get("data") or (json.dumps(request["json"]) if "json" in request else b"")
    path = request["url"].removeprefix("http://testserver")
    with transaction.atomic():
        key = first_key()
        answer = Client().generic(
            request["method"],
            path,
            body,
            content_type=(request.get("headers") or {}).get("Content-Type", "application/json"),
            query_params=request.get("params"),
            headers={"authorization": f"Bearer {key}"},
        )
        transaction.set_rollback(True)
    assert answer.status_code < 500
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"


def first_key() -> str:
    """A key with every scope in a project of its own."""
    secret = new_secret(api_key.PREFIX)
    project = Project.objects.create(slug="fuzzed", name="Fuzzed")
    ApiKey.objects.create(project=project, name="fuzz", secret_hash=digest(secret), scopes=list(Scope))
    return secret


def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    validate_schema(document)  # type: ignore[no-untyped-call]


def test_generating_it_leaves_nothing_unexplained(document: dict[str, Any]) -> None:
    assert dict(GENERATOR_STATS._warn_cache) == {}
    assert dict(GENERATOR_STATS._error_cache) == {}


def test_every_operation_has_a_name_of_its_own_and_a_description(document: dict[str, Any]) -> None:
    methods = [operation for path in document["paths"].values() for operation in path.values()]
    operations = [operation for operation in methods if "responses" in operation]
    names = [operation["operationId"] for operation in operations]
    assert len(names) > 8
    assert len(set(names)) == len(names)
    assert [operation["operationId"] for operation in operations if not operation.get("description")] == []


def test_the_docs_page_shows_it_without_a_login() -> None:
    page = Client().get(reverse("api-docs"))
    assert page.status_code == 200
    assert b"swagger" in page.content
