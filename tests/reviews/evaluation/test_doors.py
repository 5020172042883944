"""The evaluation's page, API, settings and history at their doors."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from agents.models import AuditEvent, Project
from agents.permissions import Scope
from metrics.evaluation import TARGETS, WEIGHTS, Facts, Standard, evaluate
from metrics.models import Evaluation, EvaluationStandard
from metrics.services.evaluations import Written, forget, write_down
from reviews import tasks
from reviews.services import evaluations
from tests.metrics.sending import NOW
from tests.reviews.conftest import Api, make_key

Make = Callable[..., Any]
PAGE = "/p/shop/agents/helper/evaluation/"
HOSTILE = '"><script>alert(1)</script>/..%2F'


@pytest.fixture
def api(project: Project, client: Client, at_noon: None) -> Api:
    _key, secret = make_key(project, Scope.TELEMETRY_READ)
    return Api(secret, client)


def form(**changed: object) -> dict[str, object]:
    found: dict[str, object] = {f"target_{name}": value for name, value in TARGETS.items()}
    found |= {f"weight_{name}": value for name, value in WEIGHTS.items()}
    return {**found, "score_names": "correctness, quality", "attribute": "region", **changed}


def test_the_page_shows_versions_side_by_side(runs: Make, score: Make, page_of: Make) -> None:
    score(runs(times=40, version="1"), 1.0)
    runs(times=20, version="2", failed=10, seconds=9)
    html = page_of("viewer").get(PAGE).content.decode()
    for words in ("met, not yet sure", "not met", "no data", "without Security, Explainability, Fairness", "n = 40"):
        assert words in html
    assert "p95 is 9." in html
    assert "Write down" not in html


def test_an_agent_that_nobody_knows_has_no_page(page_of: Make, api: Api) -> None:
    assert page_of("viewer").get(PAGE).status_code == 404
    assert api.get("/api/v1/agents/helper/evaluation").status_code == 404


def test_names_and_versions_are_text_wherever_they_come_from(
    project: Project, asked: Make, page_of: Make, api: Api
) -> None:
    asked(agent=HOSTILE, version=HOSTILE)
    address = reverse("reviews:evaluation", kwargs={"project": project.slug, "name": HOSTILE})
    html = page_of("viewer").get(address).content.decode()
    assert "<script>alert" not in html
    answer = api.get(reverse("reviews-api:evaluation", kwargs={"name": HOSTILE}))
    assert answer.json()["versions"][0]["version"] == HOSTILE


def test_a_time_without_anything_says_so(runs: Make, page_of: Make) -> None:
    runs(ago=86_400 * 3)
    html = page_of("viewer").get(PAGE, {"range": "1h"}).content.decode()
    assert "Nothing in this time range" in html


def test_the_api_gives_every_dimension_with_what_it_stands_on(runs: Make, score: Make, api: Api) -> None:
    score(runs(times=30), 1.0)
    body = api.get("/api/v1/agents/helper/evaluation").json()
    (version,) = body["versions"]
    right, *_others = version["dimensions"]
    assert right == {
        "dimension": "correctness", "value": 1.0, "low": pytest.approx(0.8865, abs=1e-4), "high": 1.0, "count": 30,
        "target": 0.85, "met": True, "sure": True, "goodness": 1.0, "weight": 0.3,
        "weight_used": pytest.approx(0.3 / 0.7), "notes": {},
    }  # fmt: skip
    assert version["dimensions"][3]["value"] is None
    assert version["covered"] == pytest.approx(0.7)
    assert body["history"] == []


def test_an_operator_writes_todays_evaluation_down(runs: Make, page_of: Make, project: Project, api: Api) -> None:
    runs(times=3)
    browser = page_of("operator")
    for _ in range(2):
        assert browser.post(PAGE).status_code == 302
    row = Evaluation.objects.get()
    assert (row.agent, row.agent_version, row.day, row.requests) == ("helper", "1", NOW.date(), 3)
    assert row.dimensions["robustness"]["value"] == 0
    assert row.dimensions["security"] is None
    assert AuditEvent.objects.filter(action="evaluation.write").count() == 2
    assert "2 Mar 2026" in browser.get(PAGE).content.decode()
    assert api.get("/api/v1/agents/helper/evaluation").json()["history"][0]["day"] == "2026-03-02"


def test_only_who_manages_agents_writes_and_asks(runs: Make, page_of: Make) -> None:
    runs()
    browser = page_of("reviewer")
    assert browser.post(PAGE).status_code == 403
    assert browser.get("/p/shop/settings/evaluation/").status_code == 403


def test_targets_are_changed_by_their_form(project: Project, page_of: Make) -> None:
    browser = page_of("operator")
    assert browser.get("/p/shop/settings/evaluation/").status_code == 200
    assert browser.post("/p/shop/settings/evaluation/", form(target_performance=2.5)).status_code == 302
    row = EvaluationStandard.objects.get(project=project)
    assert (row.targets["performance"], row.score_names) == (2.5, ["correctness", "quality"])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"weight_fairness": 0.5}, "The weights must add up to 1."),
        ({"target_performance": 0}, "The target must be between 0 and 86400."),
        ({"target_security": 1.5}, "less than or equal to 1"),
        ({"score_names": "x" * 121}, "At most 20 names"),
        ({"attribute": ""}, ""),
    ],
)
def test_a_form_that_makes_no_sense_says_what_is_wrong(page_of: Make, wrong: dict[str, object], words: str) -> None:
    answer = page_of("operator").post("/p/shop/settings/evaluation/", form(**wrong))
    assert answer.status_code == (422 if words else 302)
    assert words in answer.content.decode()
    assert EvaluationStandard.objects.exists() == (not words)


def test_every_night_the_day_before_is_written_down(
    project: Project, runs: Make, asked: Make, at_noon: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs(ago=86_400 * 2)
    queued: list[dict[str, Any]] = []
    monkeypatch.setattr(tasks, "enqueue", lambda name, **ids: queued.append(ids))
    assert tasks.evaluate_agents() == 1
    (ids,) = queued
    assert ids == {"project_id": project.pk, "agent": "helper", "day": "2026-03-01"}
    assert tasks.evaluate_agent(**ids)
    assert Evaluation.objects.get().day.isoformat() == "2026-03-01"
    assert tasks.evaluate_agents() == 0


def test_what_was_written_before_the_day_was_over_is_written_again(project: Project, runs: Make) -> None:
    runs(ago=86_400 * 2)
    yesterday = NOW - timedelta(days=1)
    found = [Written("1", 1, evaluate(Facts(), Standard()))]
    write_down(project=project, agent="helper", day=yesterday.date(), found=found, by=None, now=yesterday)
    assert evaluations.due(now=NOW)[1] == [(project.pk, "helper")]


def test_old_evaluations_are_forgotten(project: Project) -> None:
    found = [Written("1", 1, evaluate(Facts(), Standard()))]
    for days in (10, 500):
        day = (NOW - timedelta(days=days)).date()
        write_down(project=project, agent="helper", day=day, found=found, by=None, now=NOW)
    assert forget(now=NOW) == 1
    assert Evaluation.objects.count() == 1


def test_the_page_takes_the_same_queries_whatever_there_is(runs: Make, asked: Make, page_of: Make) -> None:
    browser = page_of("operator")
    counts = []
    for versions in (1, 4):
        for version in range(versions):
            runs(times=3, version=str(version))
            asked(times=2, version=str(version))
        browser.post(PAGE)
        browser.get(PAGE)
        with CaptureQueriesContext(connection) as seen:
            browser.get(PAGE)
        counts.append(len(seen))
    assert counts[0] == counts[1]
