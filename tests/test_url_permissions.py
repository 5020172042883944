"""Every address of the console, and exactly who gets past its door (ARCHITECTURE.md, section 5).

An address that is missing here fails the first test, so nothing can be added without saying who may use it.
Objects do not exist in these requests: past the door is whatever is neither a redirect to the login, nor 401, 403
or a stranger's 404 (who gets the same answer for a page that does exist).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from agents.models import Membership, Project, User
from agents.permissions import Permission as P
from agents.roles import ROLE_PERMISSIONS, Role
from tests.doors import (
    DOORS,
    DOORS_OF_OBJECTS,
    FOREIGN,
    NO_OBJECT,
    OF_A_PROJECT_IN_THE_QUERY,
    PUBLIC,
    QUERIES,
    SIGNED_IN,
    VALUES,
)


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        else:
            yield route


@pytest.fixture
def project(db: None) -> Project:
    return Project.objects.create(slug="one", name="One")


def client_of(role: Role | None, project: Project) -> Client:
    """Somebody's browser; None is a member of another project only."""
    person = User.objects.create_user(f"{role}@example.com")
    home = project if role else Project.objects.create(slug="other", name="Other")
    Membership.objects.create(user=person, project=home, role=role or Role.ADMIN)
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


@dataclass(frozen=True)
class Door:
    """One way to call one address, and what it takes."""

    method: str
    route: str
    needs: P | str | None

    @property
    def path(self) -> str:
        """An address of the route, of nothing that exists."""
        return "/" + re.sub(r"<\w+:(\w+)>", lambda found: VALUES.get(found[1], NO_OBJECT), self.route)


def knock(client: Client, door: Door) -> HttpResponse:
    query = [QUERIES[door.route]] if door.route in QUERIES else []
    if door.route.startswith(OF_A_PROJECT_IN_THE_QUERY):
        query.append("project=one")
    content_type = {"content_type": "application/json"} if door.route.startswith("api/") else {}
    data = {"data": "{}"} if content_type and door.method == "POST" else {}
    path = f"{door.path}?{'&'.join(query)}" if query else door.path
    return client.generic(door.method, path, **data, **content_type)  # type: ignore[return-value, arg-type]


def all_doors() -> list[Door]:
    return [Door(method, route, needs) for route, methods in DOORS.items() for method, needs in methods.items()]


def test_every_address_says_who_may_use_it() -> None:
    known = {route for route in routes(get_resolver().url_patterns) if not route.startswith(FOREIGN)}
    assert known == set(DOORS) | DOORS_OF_OBJECTS


@pytest.mark.parametrize("role", list(Role))
def test_each_role_gets_exactly_what_the_matrix_says(role: Role, project: Project) -> None:
    client = client_of(role, project)
    wrong = {}
    for door in all_doors():
        allowed = door.needs in {PUBLIC, SIGNED_IN} or door.needs in ROLE_PERMISSIONS[role]
        status = knock(client, door).status_code
        if allowed == (status in {401, 403}) or status >= 500:
            wrong[f"{door.method} {door.path}"] = status
    assert wrong == {}


def test_a_stranger_finds_nothing_in_a_project_that_is_not_theirs(project: Project) -> None:
    client = client_of(None, project)
    doors = [door for door in all_doors() if "/one/" in door.path or door.path.startswith("/api/v1/")]
    doors = [door for door in doors if door.needs not in {PUBLIC, SIGNED_IN}]
    assert len(doors) > 20
    wrong = {door.path: status for door in doors if (status := knock(client, door).status_code) != 404}
    assert wrong == {}


def test_a_visitor_is_sent_to_the_login_or_refused(project: Project) -> None:
    wrong = {}
    for door in all_doors():
        answer = knock(Client(), door)
        if door.needs == PUBLIC:
            refused = answer.status_code in {401, 403} or "login" in answer.headers.get("Location", "")
            expected = not refused
        elif door.path.startswith(("/api/", "/humanlayer/")):
            expected = answer.status_code in {401, 403}
        else:
            expected = answer.status_code == 302 and answer.headers["Location"].startswith("/accounts/login/")
        if not expected:
            wrong[door.path] = answer.status_code
    assert wrong == {}
