"""Agreed scores on pages: a lead agrees on them, the trace page offers them, and only what fits is taken."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from agents.models import Project, User
from metrics.models import Score, ScoreConfig
from tests.metrics.sending import NOW, Sending

LIST = "/p/fleet/annotation/scores/"


@pytest.fixture
def leads(lead: User, browser_of: Callable[[User], Client]) -> Client:
    return browser_of(lead)


def test_a_lead_agrees_on_a_score_changes_and_archives_it(leads: Client, project: Project) -> None:
    assert "Nothing is agreed on yet" in leads.get(LIST).content.decode()
    asked = {"name": "tone", "data_type": "categorical", "categories": "cold = 0\nwarm = 1\nunclear"}
    assert leads.post(f"{LIST}new/", asked | {"categories": ""}).status_code == 422
    assert leads.post(f"{LIST}new/", asked | {"categories": "a\nA"}).status_code == 422
    assert leads.post(f"{LIST}new/", asked).status_code == 302
    config = ScoreConfig.objects.get()
    assert [(one["label"], one["value"]) for one in config.categories] == [("cold", 0), ("warm", 1), ("unclear", None)]
    assert "warm" in leads.get(LIST).content.decode()
    address = f"{LIST}{config.pk}/"
    assert "cold = 0" in leads.get(address).content.decode()
    assert leads.post(address, {"name": "tone", "categories": "warm = 1"}).status_code == 302
    assert leads.post(f"{LIST}new/", asked | {"name": "Tone"}).status_code == 422
    assert leads.post(address, {"do": "archive"}).status_code == 302
    config.refresh_from_db()
    assert config.archived_at
    assert [one["label"] for one in config.categories] == ["warm"]
    assert "tone" not in leads.get(LIST).content.decode()
    assert "tone" in leads.get(f"{LIST}?archived=1").content.decode()
    assert leads.post(address, {"do": "restore"}).status_code == 302


def test_those_who_only_look_see_what_is_agreed_on(page: Client, rating: ScoreConfig) -> None:
    assert "rating" in page.get(LIST).content.decode()
    assert page.get(f"{LIST}{rating.pk}/").status_code == 403


@pytest.fixture
def solved(project: Project) -> ScoreConfig:
    return ScoreConfig.objects.create(
        project=project, name="solved", data_type="boolean", description="Is it over?", created_at=NOW, updated_at=NOW
    )


def test_the_trace_page_offers_the_agreed_scores(
    leads: Client, sending: Sending, rating: ScoreConfig, solved: ScoreConfig
) -> None:
    root = sending.agent()
    sending.send([root])
    address = f"/p/fleet/traces/{root.trace_id.hex()}/"
    shown = leads.get(address).content.decode()
    assert "Is it over?" in shown
    given: dict[str, Any] = {"configured": "1", f"config-{rating.pk}": "4", f"config-{solved.pk}": "0", "comment": "ok"}
    assert leads.post(f"{address}scores/", given).status_code == 200
    stored = {score.name: (score.value, score.data_type, score.comment) for score in Score.objects.all()}
    assert stored == {"rating": (4.0, "numeric", "ok"), "solved": (0.0, "boolean", "ok")}
    nothing = leads.post(f"{address}scores/", {"configured": "1"})
    assert nothing.status_code == 422
    assert "Fill in at least one score." in nothing.content.decode()
    assert leads.post(f"{address}scores/", given | {f"config-{rating.pk}": "9"}).status_code == 422
    assert Score.objects.count() == 2


def test_a_score_that_is_typed_in_has_to_fit_too(leads: Client, sending: Sending, rating: ScoreConfig) -> None:
    root = sending.agent()
    sending.send([root])
    address = f"/p/fleet/traces/{root.trace_id.hex()}/scores/"
    refused = leads.post(address, {"name": "Rating", "value": "9"})
    assert refused.status_code == 422
    assert "rating is at most 5" in refused.content.decode()
    assert leads.post(address, {"name": "Rating", "value": "5"}).status_code == 200
    score = Score.objects.get()
    assert leads.post(f"{address}{score.pk}/", {"name": "rating", "value": "0"}).status_code == 422
    assert leads.post(f"{address}{score.pk}/", {"name": "rating", "value": "2"}).status_code == 200
    score.refresh_from_db()
    assert (score.name, score.value) == ("rating", 2.0)
