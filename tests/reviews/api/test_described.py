"""What the OpenAPI document promises is what comes, and a client can be generated from it."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from tests.reviews.api.conftest import PATH
from tests.reviews.conftest import Api

Json = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Json:
    made: Json = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return made


def assert_is(document: Json, name: str, value: Any) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    faults = [f"{error.json_path}: {error.message[:200]}" for error in Draft202012Validator(schema).iter_errors(value)]
    assert faults == []


@pytest.fixture
def approvals(agent_api: Api, reviewer_api: Api) -> dict[str, Json]:
    """Requests in every form that an agent meets."""

    def asked(body: Json) -> Json:
        answer = agent_api.post(PATH, {"action": "refund", "arguments": {"amount": 5}, **body})
        assert answer.status_code == 201, answer.content
        found: Json = answer.json()
        return found

    def decided(approval: Json, **ruling: Any) -> Json:
        answer = reviewer_api.post(f"{PATH}/{approval['id']}/decisions", ruling)
        assert answer.status_code == 200, answer.content
        found: Json = agent_api.get(f"{PATH}/{approval['id']}").json()
        return found

    two = {"actions": [{"action": "a"}, {"action": "b", "arguments": {"n": 1}, "metadata": {"id": 7}}]}
    batch = agent_api.post(PATH, two).json()
    decided(batch, verdict="approve", item=0)
    full = {
        "arguments_schema": {"type": "object"}, "context": {"x": 1}, "agent": {"name": "desk", "version": "1"},
        "trace_id": "ab" * 16, "span_id": "cd" * 8, "session_id": "s", "end_user": "u", "confidence": 0.5,
        "suggestion": "approve", "tags": ["t"], "metadata": {"k": [1]}, "summary": "s", "description": "d",
    }  # fmt: skip
    cancelled = agent_api.post(f"{PATH}/{asked({})['id']}/cancel", {}).json()
    questioned = asked({})
    reviewer_api.post(f"{PATH}/{questioned['id']}/request-info", {"text": "Why?"})
    return {
        "pending": asked(full),
        "questioned": agent_api.get(f"{PATH}/{questioned['id']}").json(),
        "edited": decided(asked({}), verdict="edit", arguments={"amount": 4}, reason="less"),
        "rejected": decided(asked({}), verdict="reject", reason="no"),
        "answered": decided(asked({}), verdict="respond", message="Ask Eve"),
        "batch": decided(batch, verdict="reject", item=1, reason="no"),
        "cancelled": cancelled,
    }


def test_every_form_of_a_request_is_as_described(document: Json, approvals: dict[str, Json], agent_api: Api) -> None:
    assert {each["status"] for each in approvals.values()} >= {"pending", "info_requested", "approved", "mixed"}
    for approval in approvals.values():
        assert_is(document, "Approval", approval)
    assert_is(document, "ApprovalPage", agent_api.get(f"{PATH}?limit=3").json())


def test_a_refusal_is_as_described(document: Json, agent_api: Api) -> None:
    for body in ({}, {"action": "x", "confidence": 7}, {"action": "x", "timeout_seconds": "soon"}):
        refused = agent_api.post(PATH, body)
        assert refused.status_code == 422
        assert_is(document, "Problem", refused.json())
    assert_is(document, "Problem", agent_api.get(f"{PATH}/nothing").json())


@pytest.fixture(scope="module")
def generated(document: Json, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A client made by openapi-python-client, importable as `handrail_generated`."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "schema.json").write_text(json.dumps(document, default=str))
    (folder / "config.yaml").write_text("post_hooks: []\n")
    command = [
        sys.executable, "-m", "openapi_python_client", "generate", "--path", "schema.json", "--config", "config.yaml",
        "--output-path", "handrail_generated", "--meta", "none",
    ]  # fmt: skip
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "400"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    # Streams and files (JSON lines, CSV, Parquet) are no JSON, which is all it reads; the rest it must understand.
    warnings = (done.stdout + done.stderr).split("WARNING")[1:]
    assert [warning[:500] for warning in warnings if "Unsupported content_type" not in warning] == []
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


def test_a_generated_client_reads_every_form_and_loses_nothing(generated: Path, approvals: dict[str, Json]) -> None:
    models = importlib.import_module("handrail_generated.models")
    for name, approval in approvals.items():
        read = models.Approval.from_dict(approval)
        assert read.to_dict() == same_times(approval), name
        assert read.status.value == approval["status"]
    edited = models.Approval.from_dict(approvals["edited"])
    assert edited.decision.arguments.to_dict() == {"amount": 4}
    assert edited.risk.level.value in ("low", "medium", "high", "critical")


def same_times(value: Any) -> Any:
    """With times as a generated client writes them."""
    if isinstance(value, dict):
        return {name: same_times(each) for name, each in value.items()}
    if isinstance(value, list):
        return [same_times(each) for each in value]
    if isinstance(value, str) and value.endswith("Z") and value[:4].isdigit():
        from datetime import datetime

        return datetime.fromisoformat(value).isoformat()
    return value


def test_a_generated_client_is_typed(generated: Path) -> None:
    program = generated / "uses.py"
    program.write_text(
        "from handrail_generated.api.approvals import approvals_read\n"
        "from handrail_generated.client import AuthenticatedClient\n"
        "from handrail_generated.models import Approval, Problem\n"
        "client = AuthenticatedClient(base_url='http://127.0.0.1:1', token='hr_x')\n"
        "found = approvals_read.sync('id', client=client, wait=60.0)\n"
        "if isinstance(found, Approval) and found.decision is not None:\n"
        "    print(found.risk.level.value, found.decision.reason, found.items[0].index + 1)\n"
        "if isinstance(found, Problem):\n"
        "    print(found.title)\n"
    )
    command = [sys.executable, "-m", "mypy", "--config-file", os.devnull, "uses.py"]
    done = subprocess.run(command, cwd=generated, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:]
