"""The pages of datasets, their versions and files."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from agents.authentication import Caller
from agents.models import Project
from console.lib import clock
from reviews.models import Dataset, DatasetVersion, Export
from reviews.serializers.feedback import line_of
from reviews.services import exports, freezes
from reviews.services.datasets import freeze
from tests.reviews.conftest import make_person
from tests.reviews.datasets import STEPS, decider, exported, frozen, make_dataset, written_last

PASSWORD = "django.contrib.auth.backends.ModelBackend"
FORM = {"name": "Refunds", "train": "80", "validation": "10", "test": "10", "masks": "on"}


@pytest.fixture(autouse=True)
def of_one_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reviews.services.datasets.settled_end", written_last)


@pytest.fixture
def lead(project: Project) -> Caller:
    return Caller(user=make_person("Lea", project, "lead"))


@pytest.fixture
def page(client: Client, lead: Caller) -> Client:
    assert lead.user is not None
    client.force_login(lead.user, PASSWORD)
    return client


def shown(answer: Any) -> str:
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_an_empty_list_leads_to_the_first_dataset(page: Client) -> None:
    assert "No datasets yet" in shown(page.get("/p/shop/feedback/datasets/"))


def test_the_form_begins_with_the_filters_of_the_examples(page: Client) -> None:
    text = shown(page.get("/p/shop/feedback/datasets/new/?verdict=edit&agent=support&from=2026-01-02"))
    assert '<option value="edit" selected>' in text
    assert 'value="support"' in text
    assert 'value="2026-01-02"' in text


def test_saving_freezes_the_first_version_and_shows_how_far_it_is(page: Client, project: Project) -> None:
    answer = page.post("/p/shop/feedback/datasets/new/", {**FORM, "action": "refund", "until": "2026-03-01"})
    dataset, version = Dataset.objects.get(), DatasetVersion.objects.get()
    assert answer["Location"] == f"/p/shop/feedback/datasets/{dataset.pk}/versions/1/"
    assert dataset.filters["action"] == "refund"
    assert dataset.filters["until"].startswith("2026-03-02T00:00")
    text = shown(page.get(answer["Location"]))
    assert "Waiting for a worker" in text
    assert 'hx-trigger="every 2s"' in text
    freezes.advance(version_id=version.pk, line=line_of, clock=clock.now, seconds=STEPS)
    text = shown(page.get(answer["Location"]))
    assert 'hx-trigger="every 2s"' not in text
    assert "How it was made" in text


def test_what_cannot_be_is_said_beside_its_field(page: Client, project: Project, lead: Caller) -> None:
    make_dataset(project, lead)
    answer = page.post("/p/shop/feedback/datasets/new/", FORM)
    assert answer.status_code == 422
    assert "There is a dataset of this name already." in answer.content.decode()
    answer = page.post("/p/shop/feedback/datasets/new/", {**FORM, "name": "Other", "test": "20"})
    assert "must add up to 100" in answer.content.decode()


def test_the_card_escapes_what_agents_sent(
    page: Client, project: Project, agent: Caller, lead: Caller, ana: Caller
) -> None:
    decider(project, agent, ana)(action="<script>alert(1)</script>", agent="<b>bot</b>")
    version = frozen(make_dataset(project, lead), lead)
    text = shown(page.get(f"/p/shop/feedback/datasets/{version.dataset_id}/versions/1/"))
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert version.content_hash in text


def test_a_file_is_ordered_followed_and_downloaded(page: Client, project: Project, lead: Caller) -> None:
    version = frozen(make_dataset(project, lead), lead)
    address = f"/p/shop/feedback/datasets/{version.dataset_id}/versions/1/"
    page.post(f"{address}exports/", {"format": "csv", "split": ""})
    export = Export.objects.get()
    assert "Waiting for a worker" in shown(page.get(address))
    exports.advance(export_id=str(export.pk), clock=clock.now, seconds=STEPS)
    assert f"/api/v1/exports/{export.pk}/download" in shown(page.get(address))


def test_a_format_that_is_not_there_is_refused_in_words(page: Client, project: Project, lead: Caller) -> None:
    version = frozen(make_dataset(project, lead), lead)
    address = f"/p/shop/feedback/datasets/{version.dataset_id}/versions/1/"
    answer = page.post(f"{address}exports/", {"format": "xml"}, follow=True)
    assert "must be one of" in answer.content.decode()
    assert not Export.objects.exists()


def test_another_version_is_frozen_when_the_one_before_is_done(page: Client, project: Project, lead: Caller) -> None:
    dataset = make_dataset(project, lead)
    freeze(dataset=dataset, by=lead, now=clock.now())
    answer = page.post(f"/p/shop/feedback/datasets/{dataset.pk}/freeze/", follow=True)
    assert "being made already" in answer.content.decode()
    assert "Freeze a new version" not in answer.content.decode()


def test_reviewers_read_the_card_but_make_and_download_nothing(
    client: Client, project: Project, lead: Caller, ana: Caller
) -> None:
    assert ana.user is not None
    client.force_login(ana.user, PASSWORD)
    export, _data = exported(frozen(make_dataset(project, lead), lead), lead, "csv")
    address = f"/p/shop/feedback/datasets/{export.version.dataset_id}/"
    text = shown(client.get(f"{address}versions/1/"))
    assert "Make the file" not in text
    assert "/download" not in text
    assert client.post(f"{address}freeze/").status_code == 403
    assert client.post(f"{address}versions/1/exports/", {"format": "csv"}).status_code == 403
    assert client.get(f"/api/v1/exports/{export.pk}/download").status_code == 403


@pytest.mark.parametrize("path", ["", "versions/1/"])
def test_datasets_of_other_projects_are_not_there(
    page: Client, other_project: Project, lead: Caller, path: str
) -> None:
    foreign = frozen(make_dataset(other_project, lead), lead)
    assert page.get(f"/p/shop/feedback/datasets/{foreign.dataset_id}/{path}").status_code == 404


def test_the_number_of_queries_does_not_grow_with_datasets(
    page: Client, project: Project, lead: Caller, django_assert_max_num_queries: Any
) -> None:
    for number in range(6):
        frozen(make_dataset(project, lead, name=f"Set {number}"), lead)
    page.get("/p/shop/feedback/datasets/")
    with django_assert_max_num_queries(14):
        shown(page.get("/p/shop/feedback/datasets/"))
