"""A project with an agent's key and people of several roles."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections
from django.test import AsyncClient, Client
from psycopg.conninfo import make_conninfo

from agents.authentication import Caller
from agents.models import ApiKey, Membership, PersonalToken, Project, User, api_key, token
from agents.models.credential import digest, new_secret
from agents.permissions import Scope
from reviews.models import Approval
from reviews.services.requests import ItemDraft, RequestDraft, create_request
from tests.waiting import eventually

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
REFUND = {"order": "A-17", "amount": 12_000, "currency": "EUR"}


@dataclass
class Api:
    """An HTTP client that speaks with one credential."""

    secret: str
    client: Client

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(path, query, headers={"authorization": f"Bearer {self.secret}"})

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        data = body if isinstance(body, str | bytes) else json.dumps({} if body is None else body)
        return self.client.post(
            path, data, content_type="application/json", headers={"authorization": f"Bearer {self.secret}", **headers}
        )


def make_project(slug: str) -> Project:
    return Project.objects.create(slug=slug, name=slug.title())


def make_person(name: str, project: Project, role: str) -> User:
    person = User.objects.create_user(f"{name.lower()}@example.org", name=name)
    Membership.objects.create(user=person, project=project, role=role)
    return person


def make_key(project: Project, *scopes: Scope) -> tuple[ApiKey, str]:
    secret = new_secret(api_key.PREFIX)
    return ApiKey.objects.create(project=project, name="bot", secret_hash=digest(secret), scopes=list(scopes)), secret


def make_token(person: User) -> str:
    secret = new_secret(token.PREFIX)
    PersonalToken.objects.create(user=person, name="laptop", secret_hash=digest(secret))
    return secret


def draft(**fields: Any) -> RequestDraft:
    item = {name: fields.pop(name) for name in ("arguments", "arguments_schema", "allowed_decisions") if name in fields}
    item.setdefault("arguments", dict(REFUND))
    first = ItemDraft(action=fields.pop("action", "process_refund"), **item)
    fields.setdefault("timeout", timedelta(minutes=5))
    return RequestDraft(items=(first,), **fields)


@pytest.fixture
def project(db: None) -> Project:
    return make_project("shop")


@pytest.fixture
def other_project(db: None) -> Project:
    return make_project("bank")


@pytest.fixture
def agent(project: Project) -> Caller:
    key, _secret = make_key(project, Scope.APPROVALS_REQUEST)
    return Caller(key=key)


@pytest.fixture
def ana(project: Project) -> Caller:
    return Caller(user=make_person("Ana", project, "reviewer"))


@pytest.fixture
def ben(project: Project) -> Caller:
    return Caller(user=make_person("Ben", project, "reviewer"))


@pytest.fixture
def request_one(project: Project, agent: Caller) -> Callable[..., Approval]:
    def create(*, now: datetime = NOON, **fields: Any) -> Approval:
        return create_request(project=project, by=agent, draft=draft(**fields), now=now)

    return create


@pytest.fixture
def agent_api(project: Project, client: Client) -> Api:
    _key, secret = make_key(project, Scope.APPROVALS_REQUEST, Scope.FEEDBACK_READ)
    return Api(secret, client)


@pytest.fixture
def reviewer_api(ana: Caller, client: Client) -> Api:
    assert ana.user is not None
    return Api(make_token(ana.user), client)


@pytest.fixture
async def database_threads() -> AsyncIterator[None]:
    """Gives the connection of the thread that asgiref runs synchronous code in back when an async test ends."""
    yield
    await sync_to_async(connections.close_all)()


@pytest.fixture
def listening(settings: Any) -> None:
    """LISTEN in the database of the test, which is not the one that DATABASE_URL names."""
    settings.DATABASE_DIRECT_URL = make_conninfo(
        settings.DATABASE_DIRECT_URL, dbname=str(connection.settings_dict["NAME"])
    )


def feedback_is_settled() -> bool:
    """Whether every example may be read: transactions of other tests on the same server hold readers back."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(max(transaction), 0) < pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
            " FROM reviews_feedbackexample"
        )
        return bool(cursor.fetchone()[0])


async def pull_feedback(secret: str, *, settle: bool = True, **query: str) -> tuple[list[dict[str, Any]], str]:
    """The lines of a feedback stream, and the cursor in its header."""
    if settle:
        await sync_to_async(eventually)(feedback_is_settled, timeout=60)
    response: Any = await AsyncClient().get(
        "/api/v1/feedback", query_params=query, headers={"authorization": f"Bearer {secret}"}
    )
    assert response.status_code == 200, response.content
    assert response["content-type"] == "application/x-ndjson"
    body = b"".join([part async for part in response.streaming_content])
    return [json.loads(line) for line in body.splitlines()], response["Handrail-Cursor"]
