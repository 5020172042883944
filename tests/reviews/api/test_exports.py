"""/api/v1/datasets and /api/v1/exports, downloads included."""

from __future__ import annotations

from collections.abc import AsyncIterable
from datetime import timedelta
from typing import Any, cast
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.test import Client

from agents.authentication import Caller
from agents.models import AuditEvent, Project
from agents.permissions import Scope
from console.lib import clock
from reviews.models import DatasetVersion, Export
from reviews.serializers.feedback import line_of
from reviews.services import exports, freezes
from tests.reviews.conftest import Api, make_key, make_person, make_token
from tests.reviews.datasets import STEPS, decider, exported, frozen, make_dataset, written_last


@pytest.fixture(autouse=True)
def of_one_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reviews.services.datasets.settled_end", written_last)


@pytest.fixture
def lead(project: Project) -> Caller:
    return Caller(user=make_person("Lea", project, "lead"))


@pytest.fixture
def lead_api(lead: Caller, client: Client) -> Api:
    assert lead.user is not None
    return Api(make_token(lead.user), client)


@pytest.fixture
def reader(project: Project, client: Client) -> Api:
    return Api(make_key(project, Scope.FEEDBACK_READ)[1], client)


@pytest.fixture
def version(
    project: Project, agent: Caller, ana: Caller, lead: Caller, monkeypatch: pytest.MonkeyPatch
) -> DatasetVersion:
    monkeypatch.setattr(freezes, "PART_ROWS", 3)
    decided = decider(project, agent, ana)
    for number in range(10):
        decided(arguments={"n": number})
    return frozen(make_dataset(project, lead), lead)


def body_of(response: Any) -> bytes:
    async def read(parts: AsyncIterable[bytes]) -> bytes:
        return b"".join([part async for part in parts])

    return async_to_sync(read)(cast("AsyncIterable[bytes]", response.streaming_content))


def download(api: Api, export: Export, **headers: str) -> Any:
    address = f"/api/v1/exports/{export.pk}/download"
    return api.client.get(address, headers={"authorization": f"Bearer {api.secret}", **headers})


def test_from_a_filter_to_a_file(project: Project, agent: Caller, ana: Caller, lead_api: Api, reader: Api) -> None:
    decider(project, agent, ana)(arguments={"n": 1})
    made = lead_api.post("/api/v1/datasets", {"name": "Refunds", "filters": {"verdict": "approve"}, "mask": False})
    assert made.status_code == 201, made.content
    dataset = made.json()
    assert dataset["shares"] == {"train": 80, "validation": 10, "test": 10}
    ordered = lead_api.post(f"/api/v1/datasets/{dataset['id']}/versions")
    assert (ordered.status_code, ordered.json()["status"]) == (201, "queued")
    assert lead_api.post(f"/api/v1/datasets/{dataset['id']}/versions").status_code == 409
    freezes.advance(version_id=DatasetVersion.objects.get().pk, line=line_of, clock=clock.now, seconds=STEPS)
    version = reader.get(f"/api/v1/datasets/{dataset['id']}/versions/1").json()
    assert (version["status"], version["progress"], version["examples"]) == ("ready", 1, 1)
    assert version["content_hash"].startswith("sha256:")
    order = reader.post("/api/v1/exports", {"dataset": dataset["id"], "version": 1, "format": "jsonl"})
    assert order.status_code == 201, order.content
    assert download(reader, Export.objects.get()).status_code == 409
    exports.advance(export_id=order.json()["id"], clock=clock.now, seconds=STEPS)
    ready = reader.get(f"/api/v1/exports/{order.json()['id']}").json()
    assert ready["status"] == "ready"
    assert f"sha256:{ready['sha256']}" == version["content_hash"]
    assert ready["download"].endswith(f"/api/v1/exports/{ready['id']}/download")
    assert [row["id"] for row in reader.get("/api/v1/exports").json()["results"]] == [ready["id"]]
    assert reader.get("/api/v1/datasets").json()["results"][0]["newest_version"]["version"] == 1


def test_a_download_that_was_cut_off_goes_on(version: DatasetVersion, lead: Caller, reader: Api) -> None:
    export, data = exported(version, lead, "jsonl")
    whole = download(reader, export)
    assert body_of(whole) == data
    assert whole["Accept-Ranges"] == "bytes"
    assert whole["Content-Length"] == str(len(data))
    assert 'filename="Refunds-v1.jsonl"' in whole["Content-Disposition"]
    cut = len(data) // 2
    rest = download(reader, export, range=f"bytes={cut}-", **{"if-range": whole["ETag"]})
    assert rest.status_code == 206
    assert rest["Content-Range"] == f"bytes {cut}-{len(data) - 1}/{len(data)}"
    assert body_of(rest) == data[cut:]


@pytest.mark.parametrize(
    ("asked", "first", "last"), [("bytes=0-0", 0, 0), ("bytes=-7", -7, None), ("bytes=5-999999", 5, None)]
)
def test_any_range_gives_just_these_bytes(
    version: DatasetVersion, lead: Caller, reader: Api, asked: str, first: int, last: int | None
) -> None:
    export, data = exported(version, lead, "jsonl")
    answer = download(reader, export, range=asked)
    assert answer.status_code == 206
    assert body_of(answer) == data[first : None if last is None else last + 1]


def test_every_cut_of_a_file_fits(version: DatasetVersion, lead: Caller, reader: Api) -> None:
    export, data = exported(version, lead, "jsonl")
    step = len(data) // 9
    parts = [
        body_of(download(reader, export, range=f"bytes={start}-{start + step - 1}"))
        for start in range(0, len(data), step)
    ]
    assert b"".join(parts) == data


def test_bytes_that_are_not_there_are_416_and_another_file_is_sent_whole(
    version: DatasetVersion, lead: Caller, reader: Api
) -> None:
    export, data = exported(version, lead, "csv")
    beyond = download(reader, export, range=f"bytes={len(data)}-")
    assert beyond.status_code == 416
    assert beyond["Content-Range"] == f"bytes */{len(data)}"
    other = download(reader, export, range="bytes=5-", **{"if-range": '"another"'})
    assert other.status_code == 200


def test_a_download_is_audited_wherever_it_begins_and_an_expired_file_is_gone(
    version: DatasetVersion, lead: Caller, reader: Api
) -> None:
    export, data = exported(version, lead, "csv")
    download(reader, export)
    download(reader, export, range=f"bytes={len(data) - 3}-")
    noted = AuditEvent.objects.filter(action="export.downloaded", target=f"export {export.pk}").order_by("pk")
    assert [event.detail["first_byte"] for event in noted] == [0, len(data) - 3]
    exports.expire_due(now=clock.now() + exports.KEPT_FOR + timedelta(days=1))
    assert download(reader, export).status_code == 410


def test_who_may_do_what(
    version: DatasetVersion, lead: Caller, reader: Api, agent_api: Api, reviewer_api: Api, other_project: Project
) -> None:
    export, _data = exported(version, lead, "csv")
    body = {"dataset": version.dataset_id, "version": 1, "format": "csv"}
    assert reader.post("/api/v1/datasets", {"name": "x"}).status_code == 403
    assert reader.post(f"/api/v1/datasets/{version.dataset_id}/versions").status_code == 403
    assert reviewer_api.get(f"/api/v1/exports/{export.pk}").status_code == 200
    assert reviewer_api.post("/api/v1/exports", body).status_code == 403
    assert download(reviewer_api, export).status_code == 403
    stranger = Api(make_key(other_project, Scope.FEEDBACK_READ)[1], reader.client)
    assert download(stranger, export).status_code == 404
    assert stranger.get(f"/api/v1/exports/{export.pk}").status_code == 404
    assert stranger.post("/api/v1/exports", body).status_code == 404
    assert stranger.get(f"/api/v1/datasets/{version.dataset_id}").status_code == 404
    assert reader.get(f"/api/v1/exports/{uuid4()}").status_code == 404
    assert reader.get("/api/v1/exports/nonsense").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"format": "csv", "version": 1}, "dataset"),
        ({"dataset": 1, "version": 1, "format": "xml"}, "format"),
        ({"dataset": 1, "version": 1, "format": "csv", "split": "dev"}, "split"),
        ({"dataset": 1, "version": 1, "format": "csv", "colour": "red"}, "colour"),
    ],
)
def test_a_wrong_order_names_the_field(reader: Api, body: Any, field: str) -> None:
    answer = reader.post("/api/v1/exports", body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
