"""Suggested rules from the API: with their evidence, and into the draft when somebody takes one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from agents.authentication import Caller
from agents.models import Project
from console.lib import clock
from reviews import states
from reviews.models import Approval, Pattern, PolicyDraft
from reviews.policy.schema import load
from reviews.services import backtests, patterns, policies
from reviews.services.decisions import Ruling, decide
from tests.reviews.conftest import NOON, Api, make_person, make_token

PATH = "/api/v1/patterns"
LATER = NOON + timedelta(days=2)


@pytest.fixture
def suggested(
    project: Project, request_one: Callable[..., Approval], ana: Caller, monkeypatch: pytest.MonkeyPatch
) -> Pattern:
    """Forty refunds that were all approved, and the rule that follows; forty are enough here."""
    for name, value in {"SUPPORT_MIN": 10, "LATER_MIN": 5, "SURE": 0.8, "SURE_LATER": 0.5}.items():
        monkeypatch.setattr(f"reviews.policy.patterns.{name}", value)
    for place in range(40):
        now = NOON + place * timedelta(minutes=1)
        approval = request_one(now=now, arguments={"amount": place})
        decide(approval=approval, by=ana, ruling=Ruling(verdict=states.Verdict.APPROVE), now=now)
    (found,) = patterns.find(project=project, now=LATER)
    return found


def tried() -> None:
    for key in backtests.stalled(now=LATER):
        backtests.run(backtest_id=key, clock=clock.now, until=clock.now() + timedelta(minutes=1))


@pytest.fixture
def lead_api(project: Project, client: Client) -> Api:
    return Api(make_token(make_person("Lea", project, "lead")), client)


def fits(name: str, value: Any) -> bool:
    document: Any = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    faults = [f"{error.json_path}: {error.message[:200]}" for error in Draft202012Validator(schema).iter_errors(value)]
    assert faults == []
    return True


def test_a_suggestion_is_read_with_its_evidence_once_it_was_tried(suggested: Pattern, reviewer_api: Api) -> None:
    assert reviewer_api.get(PATH).json() == {"results": [], "being_tried": 1}
    tried()
    answer = reviewer_api.get(PATH).json()
    (one,) = answer["results"]
    assert one["sentence"] == "Reviewers approved 40 of 40 requests for process_refund."
    assert one["evidence"]["matched"] == one["evidence"]["agreeing"] == 40
    assert one["backtest"]["of_action"]["false_approvals"]["by"] == {}
    assert fits("SuggestedRules", answer)


def test_one_that_is_accepted_is_in_the_draft_and_nowhere_else(
    project: Project, suggested: Pattern, lead_api: Api, reviewer_api: Api
) -> None:
    tried()
    before = policies.in_force(project=project)
    assert reviewer_api.post(f"{PATH}/{suggested.pk}/accept").status_code == 403
    answer = lead_api.post(f"{PATH}/{suggested.pk}/accept")
    assert (answer.status_code, answer.json()["status"]) == (200, "drafted")
    assert load(PolicyDraft.objects.get(project=project).document).rules[-2].condition == suggested.condition
    assert policies.in_force(project=project) == before
    assert lead_api.post(f"{PATH}/{suggested.pk}/dismiss").status_code == 409
    assert lead_api.get(PATH).json()["results"] == []


def test_one_that_is_dismissed_is_gone(suggested: Pattern, lead_api: Api) -> None:
    tried()
    assert lead_api.post(f"{PATH}/{suggested.pk}/dismiss").json()["status"] == "dismissed"
    assert lead_api.get(PATH).json()["results"] == []
    assert not PolicyDraft.objects.exists()


def test_what_datasets_back_tests_and_examples_answer_is_described(
    project: Project, suggested: Pattern, lead_api: Api
) -> None:
    tried()
    runs = lead_api.get("/api/v1/policies/backtests").json()
    assert fits("BacktestRunPage", runs)
    assert fits("BacktestRun", lead_api.get(f"/api/v1/policies/backtests/{runs['results'][0]['id']}").json())
    made = lead_api.post("/api/v1/datasets", {"name": "All"}).json()
    assert fits("SavedDataset", made)
    assert fits("DatasetVersion", lead_api.post(f"/api/v1/datasets/{made['id']}/versions").json())
    assert fits("SavedDatasetPage", lead_api.get("/api/v1/datasets").json())
    approval = Approval.objects.newest_first()[0]
    assert fits("FeedbackExampleWhole", lead_api.get(f"/api/v1/feedback/{approval.pk}:0").json())
