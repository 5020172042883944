"""From a labelled example on: dataset, file and back-test, as a person has them from the API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.e2e.conftest import Watched
from tests.waiting import eventually

CALL = """async ([method, path, body]) => {
  const token = document.cookie.match(/csrftoken=([^;]*)/)?.[1] ?? "";
  const headers = { "X-CSRFToken": token, ...(body ? { "Content-Type": "application/json" } : {}) };
  const answer = await fetch(path, { method, headers, body: body ? JSON.stringify(body) : undefined });
  return [answer.status, await answer.text()];
}"""


def call(tab: Watched, method: str, path: str, body: Any = None) -> Any:
    """What the API answers to the person who is signed in."""
    status, text = tab.page.evaluate(CALL, [method, path, body])
    assert status < 300, (method, path, text)
    return json.loads(text)


def exported(tab: Watched, filters: Mapping[str, str], *, name: str) -> str:
    """The examples that match, frozen into a version and downloaded as JSONL."""
    dataset = call(tab, "POST", "/api/v1/datasets", {"name": name, "filters": dict(filters), "mask": False})
    version = call(tab, "POST", f"/api/v1/datasets/{dataset['id']}/versions")
    at = f"/api/v1/datasets/{dataset['id']}/versions/{version['version']}"
    assert eventually(lambda: call(tab, "GET", at)["status"] == "ready", timeout=60)
    asked = {"dataset": dataset["id"], "version": version["version"], "format": "jsonl"}
    export = call(tab, "POST", "/api/v1/exports", asked)
    ready = f"/api/v1/exports/{export['id']}"
    assert eventually(lambda: call(tab, "GET", ready)["status"] == "ready", timeout=60)
    _status, text = tab.page.evaluate(CALL, ["GET", f"{ready}/download", None])
    return str(text)


def tried(tab: Watched, rule: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A back-test of one rule over everything so far: its results and disagreements."""
    rest = {"name": "the rest", "effect": "review", "condition": "true"}
    asked = {"policy": {"rules": [rule, rest]}, "since": "2020-01-01T00:00:00Z"}
    run = call(tab, "POST", "/api/v1/policies/backtests", asked)
    at = f"/api/v1/policies/backtests/{run['id']}"
    assert eventually(lambda: call(tab, "GET", at)["status"] == "done", timeout=60)
    return call(tab, "GET", at)["results"], call(tab, "GET", f"{at}/disagreements")["results"]
