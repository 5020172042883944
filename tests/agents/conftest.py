"""Two projects, people with roles in them, and their browsers."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from agents.models import AuditEvent, Membership, Project, User
from agents.permissions import Scope
from agents.roles import Role
from agents.services import keys
from agents.services.keys import IssuedKey

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"

MakePerson = Callable[..., User]
MakeKey = Callable[..., IssuedKey]
Browse = Callable[[User], Client]


@pytest.fixture(autouse=True)
def _forget_rate_limits() -> None:
    """allauth counts attempts per address in the cache, which outlives a test's transaction."""
    cache.clear()


@pytest.fixture(autouse=True)
def _hash_passwords_quickly(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def project(db: None) -> Project:
    return Project.objects.create(slug="alpha", name="Alpha")


@pytest.fixture
def other_project(db: None) -> Project:
    return Project.objects.create(slug="beta", name="Beta")


@pytest.fixture
def person(db: None) -> MakePerson:
    """Makes somebody who can sign in, maybe with a role in a project."""

    def make(name: str, role: Role | None = None, project: Project | None = None, **fields: Any) -> User:
        email = f"{name.lower()}@example.org"
        user = User.objects.create_user(email, PASSWORD, name=name, **fields)
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
        if role is not None and project is not None:
            Membership.objects.create(user=user, project=project, role=role)
        return user

    return make


@pytest.fixture
def admin(person: MakePerson, project: Project) -> User:
    return person("Ada", Role.ADMIN, project)


@pytest.fixture
def key(project: Project, admin: User) -> MakeKey:
    """Makes a key that works, with all scopes unless told otherwise."""

    def make(**fields: Any) -> IssuedKey:
        given: dict[str, Any] = {
            "project": project,
            "name": "bot",
            "scopes": list(Scope),
            "expires_at": None,
            "allowed_networks": [],
            "by": admin,
            "now": NOON,
        }
        return keys.create(**(given | fields))

    return make


@pytest.fixture
def browse() -> Browse:
    """Somebody's browser, signed in."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return sign_in


def audited(project: Project | None) -> list[str]:
    """The actions in a project's audit log, the oldest first."""
    return list(AuditEvent.objects.filter(project=project).order_by("pk").values_list("action", flat=True))
