"""GET /api/v1/quality: the page's figures for programs."""

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
from agents.permissions import Scope
from console.lib import clock
from reviews.flow import DAY
from reviews.models import Approval, Dimension, FeedbackSettings, FlowRollup, RatedItem
from reviews.serializers.feedback import pseudonym
from reviews.services import ratings
from tests.reviews.conftest import Api, make_key, make_person, make_token

PATH = "/api/v1/quality"
Make = Callable[..., Approval]


@pytest.fixture
def judged(project: Project, request_one: Make, ana: Caller, ben: Caller) -> None:
    """Twelve actions that Ana approved; of every third Ben thinks otherwise. Both have decided something."""
    now = clock.now()
    assert ana.user is not None
    assert ben.user is not None
    for number in range(12):
        said = (("approve", ana.user.pk), ("reject" if number % 3 == 0 else "approve", ben.user.pk))
        RatedItem.objects.create(
            project=project, item=request_one().items.get(), source="blind", action="process_refund",
            ratings=[ratings.rating(who, verdict, now) for verdict, who in said], rated_at=now,
        )  # fmt: skip
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for who in (ana.user.pk, ben.user.pk):
        FlowRollup.objects.create(
            project=project,
            seconds=DAY,
            dimension=Dimension.REVIEWER,
            start=day,
            value=str(who),
            approved=3,
            rejected=1,
        )


def lead_api(project: Project, client: Client) -> Api:
    return Api(make_token(make_person("Cleo", project, "lead")), client)


def test_a_lead_gets_every_figure_under_pseudonyms(
    judged: None, project: Project, ana: Caller, ben: Caller, client: Client
) -> None:
    assert ana.user is not None
    assert ben.user is not None
    body = lead_api(project, client).get(PATH).json()
    assert (body["source"], body["capped"], body["overall"]["items"], body["overall"]["ratings"]) == (
        "blind",
        False,
        12,
        24,
    )
    assert body["overall"]["unanimous"]["value"] == pytest.approx(8 / 12)
    assert body["overall"]["fleiss_kappa"]["low"] < body["overall"]["fleiss_kappa"]["value"] < 0
    assert body["actions"][0]["action"] == "process_refund"
    people = {pseudonym(project.pk, one.user.pk) for one in (ana, ben) if one.user}
    (pair,) = body["pairs"]
    assert {one["id"] for one in pair["reviewers"]} == people
    assert (pair["items"], pair["cohen_kappa"]["value"], pair["cohen_kappa"]["why"]) == (12, 0.0, None)
    assert {one["reviewer"]["id"] for one in body["reviewers"]} == people
    first = body["reviewers"][0]
    assert (first["approved"]["part"], first["approved"]["whole"], len(first["weeks"])) == (3, 4, 12)
    assert (first["approval_drift"]["drifts"], first["approval_drift"]["moved"]["value"]) == (False, None)
    assert body["seeds"] == {"part": 0, "whole": 0, "value": None, "low": None, "high": None}
    assert "kappa" in body["definitions"]
    assert "name" not in first["reviewer"]


def test_every_answer_is_as_it_is_described(
    judged: None, project: Project, client: Client, agent_api: Api, reviewer_api: Api
) -> None:
    document: Any = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    schema = {"$ref": "#/components/schemas/Quality", "components": document["components"]}
    for api in (lead_api(project, client), agent_api, reviewer_api):
        body = api.get(PATH).json()
        assert [f"{fault.json_path}: {fault.message}" for fault in Draft202012Validator(schema).iter_errors(body)] == []


def test_with_the_projects_leave_names_are_told(judged: None, project: Project, client: Client) -> None:
    FeedbackSettings.objects.create(project=project, reviewer_names=True)
    body = lead_api(project, client).get(PATH).json()
    assert {one["reviewer"]["name"] for one in body["reviewers"]} == {"Ana", "Ben"}


def test_a_reviewer_gets_their_own_and_a_key_nobodys(
    judged: None, project: Project, reviewer_api: Api, agent_api: Api, ana: Caller
) -> None:
    assert ana.user is not None
    own, keys = reviewer_api.get(PATH).json(), agent_api.get(PATH).json()
    assert [one["reviewer"]["id"] for one in own["reviewers"]] == [pseudonym(project.pk, ana.user.pk)]
    assert (own["seeds"], own["reviewers"][0]["seeds"]) == (None, None)
    assert (keys["reviewers"], keys["pairs"], keys["seeds"], keys["overall"]["items"]) == ([], [], None, 12)


def test_a_coefficient_that_is_not_defined_says_why(project: Project, agent_api: Api) -> None:
    nothing = {"value": None, "low": None, "high": None, "why": "nothing"}
    body = agent_api.get(PATH, source="votes").json()
    assert body["overall"]["fleiss_kappa"] == body["overall"]["krippendorff_alpha"] == nothing


def test_an_unknown_source_is_refused_by_name(project: Project, agent_api: Api) -> None:
    refused = agent_api.get(PATH, source="all")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "source"


def test_a_key_needs_the_scope_of_feedback(project: Project, client: Client) -> None:
    _key, secret = make_key(project, Scope.APPROVALS_REQUEST)
    assert Api(secret, client).get(PATH).status_code == 403


def test_only_the_last_weeks_count(judged: None, project: Project, agent_api: Api) -> None:
    RatedItem.objects.update(rated_at=clock.now() - timedelta(weeks=13))
    assert agent_api.get(PATH).json()["overall"]["items"] == 0
