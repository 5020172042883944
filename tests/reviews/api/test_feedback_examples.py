"""/api/v1/feedback/{id}: revisions, corrections and the project's labels over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from agents.authentication import Caller
from agents.models import Project
from agents.permissions import Scope
from reviews import states
from reviews.models import Approval, FeedbackSettings
from reviews.services.decisions import Ruling, decide
from tests.reviews.conftest import NOON, Api, make_key, make_person, make_token

pytestmark = pytest.mark.django_db
REJECT = Ruling(verdict=states.Verdict.REJECT, reason="too much", labels=("amount",))


@pytest.fixture
def example(request_one: Callable[..., Approval], ana: Caller) -> str:
    approval = request_one()
    decide(approval=approval, by=ana, ruling=REJECT, now=NOON + timedelta(minutes=1))
    return f"{approval.pk}:0"


@pytest.fixture
def lead_api(project: Project, client: Client) -> Api:
    return Api(make_token(make_person("Lea", project, "lead")), client)


def test_a_correction_is_answered_with_the_newest_revision_and_both_are_read(
    example: str, agent_api: Api, reviewer_api: Api
) -> None:
    path = f"/api/v1/feedback/{example}"
    corrected = reviewer_api.post(f"{path}/corrections", {"labels": ["target"]})
    assert corrected.status_code == 200, corrected.content
    assert (corrected.json()["revision"], corrected.json()["labels"]) == (2, ["target"])
    read = agent_api.get(path).json()
    assert [(line["revision"], line["labels"]) for line in read["revisions"]] == [(2, ["target"]), (1, ["amount"])]
    assert (read["revision"], read["reason"], read["cause"]) == (2, "too much", "correction")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"reason": ""}, 422),
        ({"labels": "a"}, 422),
        ({"labels": ["a\x00"]}, 422),
        ({"verdict": "edit"}, 422),
    ],
)
def test_a_correction_that_does_not_fit_is_refused(
    example: str, reviewer_api: Api, body: dict[str, object], status: int
) -> None:
    answer = reviewer_api.post(f"/api/v1/feedback/{example}/corrections", body)
    assert answer.status_code in {status, 400}
    assert answer.json()["errors"]


def test_an_agent_corrects_nothing_and_strangers_see_nothing(
    example: str, agent_api: Api, other_project: Project, client: Client
) -> None:
    assert agent_api.post(f"/api/v1/feedback/{example}/corrections", {"labels": ["x"]}).status_code == 403
    _key, secret = make_key(other_project, Scope.FEEDBACK_READ)
    assert Api(secret, client).get(f"/api/v1/feedback/{example}").status_code == 404
    for wrong in ("nonsense", example.replace(":0", ":1"), example.replace(":0", ":x")):
        assert agent_api.get(f"/api/v1/feedback/{wrong}").status_code == 404


def test_what_waits_cannot_be_corrected(request_one: Callable[..., Approval], lead_api: Api) -> None:
    answer = lead_api.post(f"/api/v1/feedback/{request_one().pk}:0/corrections", {"labels": ["x"]})
    assert answer.status_code == 409


def test_leads_set_the_labels_and_programs_read_them(
    lead_api: Api, agent_api: Api, reviewer_api: Api, client: Client
) -> None:
    body = '{"labels": [{"name": "Wrong amount", "description": "Too much or too little"}], "closed": true}'
    headers = {"authorization": f"Bearer {lead_api.secret}"}
    saved = client.put("/api/v1/feedback/labels", body, content_type="application/json", headers=headers)
    assert saved.status_code == 200, saved.content
    assert agent_api.get("/api/v1/feedback/labels").json() == {
        "labels": [{"name": "Wrong amount", "description": "Too much or too little"}],
        "closed": True,
        "reviewer_names": False,
    }
    headers = {"authorization": f"Bearer {reviewer_api.secret}"}
    refused = client.put("/api/v1/feedback/labels", body, content_type="application/json", headers=headers)
    assert refused.status_code == 403


def test_reviewers_have_names_only_where_the_project_wants_it(example: str, project: Project, agent_api: Api) -> None:
    path = f"/api/v1/feedback/{example}"
    assert "Ana" not in agent_api.get(path).content.decode()
    FeedbackSettings.objects.create(project=project, reviewer_names=True)
    assert agent_api.get(path).json()["reviewer"]["name"] == "Ana"
