"""Evaluations and comparisons are answered as the OpenAPI document says."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from agents.models import Project
from agents.permissions import Scope
from tests.reviews.api.test_described import assert_is
from tests.reviews.conftest import Api, make_key

Make = Callable[..., Any]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("AgentEvaluation", "/api/v1/agents/helper/evaluation"),
        ("Comparison", "/api/v1/comparisons?a_agent=helper&a_version=1&b_agent=helper&b_version=2"),
        ("Comparison", "/api/v1/comparisons"),
    ],
)
def test_answers_are_as_described(
    project: Project, runs: Make, asked: Make, score: Make, client: Client, at_noon: None, name: str, path: str
) -> None:
    score(runs(times=30, version="1", failed=3), 1.0)
    runs(times=3, version="2")
    asked(version="3", outcome="failed")
    _key, secret = make_key(project, Scope.TELEMETRY_READ)
    answer = Api(secret, client).get(path)
    assert answer.status_code == 200
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    assert_is(document, name, answer.json())
