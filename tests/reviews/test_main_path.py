"""From a request to a labelled example, over HTTP."""

from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async

from tests.reviews.conftest import Api, pull_feedback


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("database_threads")
async def test_a_request_is_decided_and_pulled_as_a_labelled_example(agent_api: Api, reviewer_api: Api) -> None:
    made = await sync_to_async(agent_api.post)(
        "/api/v1/approvals", {"action": "process_refund", "arguments": {"amount": 12000}, "agent": {"name": "support"}}
    )
    assert made.status_code == 201, made.content
    body = made.json()
    assert (body["status"], body["risk"]["level"], body["decision"]) == ("pending", "medium", None)

    changed = {"amount": 900}
    decided = await sync_to_async(reviewer_api.post)(
        f"/api/v1/approvals/{body['id']}/decisions", {"verdict": "edit", "arguments": changed, "reason": "too much"}
    )
    assert decided.status_code == 200, decided.content
    assert decided.json()["decision"]["arguments"] == changed

    seen = (await sync_to_async(agent_api.get)(f"/api/v1/approvals/{body['id']}")).json()
    assert (seen["status"], seen["effect"], seen["decision"]["verdict"]) == ("approved", "allow", "edit")
    assert [reviewer["name"] for reviewer in seen["decision"]["reviewers"]] == ["Ana"]

    done = await sync_to_async(agent_api.post)(f"/api/v1/approvals/{body['id']}/outcome", {"status": "succeeded"})
    assert done.status_code == 200, done.content

    lines, _cursor = await pull_feedback(agent_api.secret)
    assert [(line["revision"], line["verdict"], line["outcome"] and line["outcome"]["status"]) for line in lines] == [
        (1, "edit", None),
        (2, "edit", "succeeded"),
    ]
    assert lines[0]["proposed_arguments"] == {"amount": 12000}
    assert lines[0]["final_arguments"] == changed
    assert lines[0]["diff"] == [{"op": "replace", "path": "/amount", "old": 12000, "value": 900}]
    assert lines[0]["reviewer"]["role"] == "reviewer"
