"""What tests of the API share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.reviews.conftest import Api

PATH = "/api/v1/approvals"


@pytest.fixture
def ask(agent_api: Api) -> Callable[..., Any]:
    def create(**fields: Any) -> Any:
        response = agent_api.post(PATH, {"action": "process_refund", "arguments": {"amount": 5}, **fields})
        assert response.status_code == 201, response.content
        return response.json()

    return create


def fields_of(response: Any) -> list[str]:
    assert response["content-type"] == "application/problem+json"
    return sorted({error["field"] for error in response.json().get("errors", [])})
