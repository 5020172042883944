"""Two projects, a person who may look at the first, and spans for both."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from agents.models import ApiKey, Membership, Project, User, api_key
from agents.models.credential import digest, new_secret
from agents.permissions import Scope
from console.lib import clock
from tests.metrics.sending import NOW, Sending


@pytest.fixture
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes it NOW."""
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def project(db: None) -> Project:
    return Project.objects.create(slug="fleet", name="Fleet")


@pytest.fixture
def other_project(db: None) -> Project:
    return Project.objects.create(slug="strangers", name="Strangers")


@pytest.fixture
def sending(project: Project) -> Sending:
    return Sending(project)


@pytest.fixture
def viewer(project: Project) -> User:
    person = User.objects.create_user("viewer@example.org", name="Vi")
    Membership.objects.create(user=person, project=project, role="viewer")
    return person


@pytest.fixture
def browser_of(at_noon: None) -> Callable[[User], Client]:
    """A signed-in person's browser."""

    def open_for(person: User) -> Client:
        client = Client()
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return open_for


@pytest.fixture
def page(viewer: User, browser_of: Callable[[User], Client]) -> Client:
    """The viewer's browser."""
    return browser_of(viewer)


@pytest.fixture
def ask(project: Project, at_noon: None) -> Callable[..., Any]:
    """GET of the query API with a key of the project."""
    secret = new_secret(api_key.PREFIX)
    ApiKey.objects.create(project=project, name="reader", secret_hash=digest(secret), scopes=[Scope.TELEMETRY_READ])

    def get(path: str, **query: Any) -> Any:
        return Client().get(f"/api/v1/{path}", query, headers={"authorization": f"Bearer {secret}"})

    return get
