"""Budgets of a project, and what may be done with them."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from agents.models import ApiKey, Membership, Project, User, api_key
from agents.models.credential import digest, new_secret
from metrics.models import Budget
from metrics.services import budgets
from metrics.services.budgets import Draft
from tests.metrics.sending import NOW

# A million tokens in cost so much with gpt-4o-mini.
MILLION_COSTS = Decimal("0.15")
DOLLAR = 10**9

Call = Callable[..., Any]
Make = Callable[..., Budget]


@pytest.fixture
def operator(project: Project) -> User:
    person = User.objects.create_user("operator@example.org", name="Op")
    Membership.objects.create(user=person, project=project, role="operator")
    return person


@pytest.fixture
def make(project: Project, operator: User) -> Make:
    """A budget of a dollar a day, unless it is said otherwise."""

    def made(**given: Any) -> Budget:
        values = {"name": "Everything", "period": "day", "limit_nanos": DOLLAR, **given}
        of = values.pop("of", project)
        return budgets.create(project=of, draft=Draft(**values), by=operator, now=NOW)

    return made


@pytest.fixture
def call(project: Project, at_noon: None) -> Call:
    """The API with an admin's key of the project, or with the scopes that are given."""

    def send(method: str, path: str, body: Any = None, *, scopes: tuple[str, ...] = ("admin", "telemetry:read")) -> Any:
        secret = new_secret(api_key.PREFIX)
        ApiKey.objects.create(project=project, name="key", secret_hash=digest(secret), scopes=list(scopes))
        sent = {"data": body, "content_type": "application/json"} if body is not None else {}
        return getattr(Client(), method)(f"/api/v1/{path}", headers={"authorization": f"Bearer {secret}"}, **sent)

    return send
