"""GET /api/v1/analytics: the page's figures for programs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from agents.authentication import Caller
from agents.models import Project
from agents.permissions import Scope
from reviews import states
from reviews.models import Approval
from reviews.services import flow
from reviews.services.decisions import Ruling, decide
from tests.reviews.conftest import NOON, Api, make_key, make_person, make_token

PATH = "/api/v1/analytics"
WINDOW = {"from": "2026-03-02T12:00:00Z", "to": "2026-03-02T13:00:00Z"}
Make = Callable[..., Approval]


@pytest.fixture
def decided(request_one: Make, ana: Caller, ben: Caller) -> None:
    for by, verdict in ((ana, "approve"), (ben, "reject")):
        ruling = Ruling(verdict=states.Verdict(verdict), reason="no")
        decide(approval=request_one(), by=by, ruling=ruling, now=NOON + timedelta(seconds=30))
    while flow.count():
        pass


@pytest.fixture
def reader(project: Project, client: Client) -> Api:
    _key, secret = make_key(project, Scope.TELEMETRY_READ)
    return Api(secret, client)


@pytest.mark.usefixtures("decided")
def test_the_figures_carry_their_intervals_and_definitions(reader: Api) -> None:
    body = reader.get(PATH, **WINDOW).json()
    assert (body["arrivals"], body["decided"], body["waiting"]) == (2, 2, 0)
    assert body["approval_rate"]["value"] == 0.5
    assert body["approval_rate"]["low"] < 0.5 < body["approval_rate"]["high"]
    assert body["wait_seconds"]["p50"] == pytest.approx(30, rel=0.02)
    assert body["little"]["length"] == pytest.approx(60 / 3_600)
    assert body["little"]["product"] == pytest.approx(60 / 3_600)
    assert body["staffing"]["mean"]["people"] == 1
    assert set(body["definitions"]) >= {"wait", "little", "staffing", "approval"}
    assert (body["from"], body["to"]) == ("2026-03-02T12:00:00.000000Z", "2026-03-02T13:00:00.000000Z")
    assert [(line["value"], line["decided"]) for line in body["lines"]] == [("process_refund", 2)]


@pytest.mark.usefixtures("decided")
def test_reviewers_are_for_leads_and_each_reviewer_for_themselves(
    project: Project, reader: Api, ana: Caller, client: Client
) -> None:
    asked = {**WINDOW, "by": "reviewer"}
    assert reader.get(PATH, **asked).status_code == 403
    assert ana.user is not None
    own = Api(make_token(ana.user), client).get(PATH, **asked).json()
    assert [line["name"] for line in own["lines"]] == ["Ana"]
    lead = Api(make_token(make_person("Lea", project, "lead")), client).get(PATH, **asked).json()
    assert {line["name"] for line in lead["lines"]} == {"Ana", "Ben"}
    assert {line["name"]: line["approvals_in_a_row"] for line in lead["signs"]} == {"Ana": 1, "Ben": 0}


@pytest.mark.parametrize(("name", "value"), [("by", "mood"), ("range", "never"), ("target", "-1"), ("share", "100")])
def test_what_cannot_be_asked_is_named(reader: Api, name: str, value: str) -> None:
    answer = reader.get(PATH, **{name: value})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [name]


def test_a_project_without_requests_has_no_figures(reader: Api) -> None:
    body = reader.get(PATH).json()
    assert (body["arrivals"], body["lines"], body["staffing"]) == (0, [], {})
    assert body["approval_rate"] == {"value": None, "low": None, "high": None}
