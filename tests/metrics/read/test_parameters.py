"""A filter that is misspelt, or that a list does not have, is refused by its name: it would choose everything."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from agents.models import ApiKey, Project, api_key
from agents.models.credential import digest, new_secret
from agents.permissions import Scope
from tests.metrics.sending import Sending

Ask = Callable[..., Any]
FOREIGN = [
    ("traces", {"min_cost": "5"}, "min_cost"),
    ("series", {"metric": "cost_usd", "session": "x"}, "session"),
    ("logs", {"order.id": "77"}, "order.id"),
    ("sessions", {"sort": "cost"}, "sort"),
    ("sessions/s-1", {"agent": "a"}, "agent"),
    ("agents", {"agent": "a"}, "agent"),
    ("agents/helper", {"version": "1"}, "version"),
    ("agents/helper/evaluation", {"version": "1"}, "version"),
    ("metrics", {"name": "x"}, "name"),
    ("points", {"name": "x", "service": "y"}, "service"),
    ("scores", {"trace": "x"}, "trace"),
    ("score-configs", {"name": "x"}, "name"),
    ("quality", {"agent": "x"}, "agent"),
    ("analytics", {"agent": "x"}, "agent"),
    ("approvals", {"foo": "1"}, "foo"),
]


@pytest.fixture
def ask_all(project: Project, at_noon: None) -> Ask:
    """GET with a key that may read everything."""
    secret = new_secret(api_key.PREFIX)
    scopes = [Scope.TELEMETRY_READ, Scope.FEEDBACK_READ, Scope.APPROVALS_REQUEST]
    ApiKey.objects.create(project=project, name="reader", secret_hash=digest(secret), scopes=scopes)

    def get(path: str, query: dict[str, str]) -> Any:
        return Client().get(f"/api/v1/{path}", query, headers={"authorization": f"Bearer {secret}"})

    return get


@pytest.mark.parametrize(("path", "query", "name"), FOREIGN)
def test_a_filter_that_is_not_there_is_refused_by_name(
    path: str, query: dict[str, str], name: str, sending: Sending, ask_all: Ask
) -> None:
    sending.send([sending.agent("helper", attributes={"session.id": "s-1"})])
    answer = ask_all(path, query)
    assert answer.status_code == 422, answer.content
    assert [one["field"] for one in answer.json()["errors"]] == [name]
    assert "is not a parameter here: there are " in answer.json()["detail"]


@pytest.mark.parametrize("name", ["version", "agent_version"])
def test_a_version_is_found_by_either_name(name: str, sending: Sending, ask: Ask) -> None:
    for version in ("1.0", "2.0"):
        sending.send([sending.agent("helper", attributes={"gen_ai.agent.version": version})])
    assert [row["agent_version"] for row in ask("traces", **{name: "1.0"}).json()["results"]] == ["1.0"]
    assert ask("traces", **{name: "9.9"}).json()["results"] == []
    [line] = ask("series", metric="requests", **{name: "1.0"}).json()["series"]
    assert sum(value or 0 for _moment, value in line["points"]) == 1


def test_an_error_says_the_name_of_the_parameter_once(ask: Ask) -> None:
    answer = ask("series", metric="mood").json()
    assert answer["detail"].startswith("metric must be one of ")
    assert answer["errors"][0]["field"] == "metric"
    assert ask("traces", limit="x").json()["detail"].startswith("limit: must be")
