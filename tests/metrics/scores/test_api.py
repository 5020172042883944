"""Scores over the API: who may give, correct and take back what, and what is refused."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.models import ApiKey, AuditEvent, Membership, Project, User, api_key
from agents.models.credential import digest, new_secret
from agents.permissions import Scope
from metrics.models import Score
from tests.metrics.sending import Sending

URL = "/api/v1/scores"
TRACE = "0af7651916cd43dd8448eb211c80319c"
SCORE = {"trace_id": TRACE, "name": "correctness", "value": 0.5}
Call = Callable[..., Any]


def key_of(project: Project, *scopes: Scope) -> str:
    secret = new_secret(api_key.PREFIX)
    ApiKey.objects.create(project=project, name=f"key {secret[-4:]}", secret_hash=digest(secret), scopes=list(scopes))
    return secret


@pytest.fixture
def key(project: Project) -> str:
    return key_of(project, Scope.TELEMETRY_WRITE, Scope.TELEMETRY_READ)


@pytest.fixture
def post(key: str, at_noon: None) -> Call:
    """POST of scores with a key of the project."""

    def send(body: Any, **headers: str) -> Any:
        return Client().post(
            URL, body, content_type="application/json", headers={"authorization": f"Bearer {key}", **headers}
        )

    return send


@pytest.fixture
def reviewer(project: Project, browser_of: Call) -> Client:
    person = User.objects.create_user("rita@example.org", name="Rita")
    Membership.objects.create(user=person, project=project, role="reviewer")
    browser: Client = browser_of(person)
    return browser


def test_a_score_of_an_agent_is_stored_and_told_back(post: Call, project: Project) -> None:
    answer = post(SCORE | {"span_id": "b7ad6b7169203331", "label": "fine", "comment": "Right.", "metadata": {"k": 1}})
    assert answer.status_code == 201
    told = answer.json()
    assert (told["trace_id"], told["span_id"], told["name"]) == (TRACE, "b7ad6b7169203331", "correctness")
    assert (told["value"], told["label"], told["comment"], told["metadata"]) == (0.5, "fine", "Right.", {"k": 1})
    assert told["source"] == "sdk"
    assert told["author"].startswith("key ")
    assert Score.objects.get().project_id == project.pk
    assert not AuditEvent.objects.exists()


def test_what_is_said_about_a_trace_is_masked_as_telemetry_is(post: Call, project: Project) -> None:
    said = {
        "label": "ana@example.com",
        "comment": "Ana (ana@example.com) is right",
        "metadata": {"by": "ana@example.com"},
    }
    for _ in range(2):
        told = post(SCORE | said | {"external_id": "m"}).json()
    assert "ana@example.com" not in str(told)
    assert told["comment"].startswith("Ana (")
    score = Score.objects.get()
    assert (score.comment, score.label, score.metadata) == (told["comment"], told["label"], told["metadata"])


def test_a_list_is_answered_in_its_order(post: Call) -> None:
    answer = post([SCORE | {"name": name, "source": "evaluation"} for name in ("a", "b", "c")])
    assert [row["name"] for row in answer.json()["results"]] == ["a", "b", "c"]
    assert set(Score.objects.values_list("source", flat=True)) == {"evaluation"}


def test_a_known_external_id_corrects_the_score(post: Call) -> None:
    first = post(SCORE | {"external_id": "f-1"}).json()
    second = post(SCORE | {"external_id": "f-1", "value": 1}).json()
    assert (second["id"], second["value"], second["created_at"]) == (first["id"], 1.0, first["created_at"])
    assert Score.objects.count() == 1


def test_the_same_external_id_in_another_project_is_another_score(
    post: Call, other_project: Project, at_noon: None
) -> None:
    post(SCORE | {"external_id": "f-1"})
    theirs = {"authorization": f"Bearer {key_of(other_project, Scope.TELEMETRY_WRITE)}"}
    answer = Client().post(URL, SCORE | {"external_id": "f-1"}, content_type="application/json", headers=theirs)
    assert answer.status_code == 201
    assert Score.objects.count() == 2


def test_an_idempotency_key_stores_once(post: Call) -> None:
    first = post(SCORE, **{"Idempotency-Key": "once"})
    again = post(SCORE, **{"Idempotency-Key": "once"})
    assert again["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()
    assert Score.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"trace_id": None}, "trace_id"),
        ({"trace_id": "abc"}, "trace_id"),
        ({"trace_id": "0" * 32}, "trace_id"),
        ({"span_id": 7}, "span_id"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"value": None}, "value"),
        ({"value": "high"}, "value"),
        ({"label": ["x"]}, "label"),
        ({"comment": "x" * 4001}, "comment"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"x": "y" * 20_000}}, "metadata"),
        ({"source": "human"}, "source"),
        ({"source": ["sdk"]}, "source"),
        ({"scroe": 1}, "scroe"),
        ({"id": "annotation:1:1:1"}, "id"),
        ({"external_id": " annotation:1:1:1"}, "id"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(post: Call, change: dict[str, Any], field: str) -> None:
    answer = post(SCORE | change)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    of_list = post([SCORE, SCORE | change])
    assert [error["field"] for error in of_list.json()["errors"]] == [f"[1].{field}"]
    assert not Score.objects.exists()


def test_bodies_that_are_no_scores_are_refused(post: Call) -> None:
    assert post("[1]").json()["errors"][0]["field"] == "[0].score"
    assert post([SCORE] * 501).status_code == 422
    assert post('"text"').status_code == 422


def test_a_persons_score_is_theirs_and_audited(reviewer: Client, project: Project) -> None:
    answer = reviewer.post(f"{URL}?project=fleet", SCORE | {"source": "evaluation"}, content_type="application/json")
    assert (answer.json()["source"], answer.json()["author"]) == ("human", "Rita")
    event = AuditEvent.objects.get()
    assert (event.action, event.actor_label, event.project_id) == ("score.create", "Rita", project.pk)
    assert TRACE in event.target


def test_keys_do_not_touch_what_people_gave_nor_people_what_others_gave(
    reviewer: Client, post: Call, key: str, project: Project, browser_of: Call
) -> None:
    ritas = reviewer.post(f"{URL}?project=fleet", SCORE | {"external_id": "r"}, content_type="application/json").json()
    agents = post(SCORE).json()
    other = User.objects.create_user("paul@example.org", name="Paul")
    Membership.objects.create(user=other, project=project, role="lead")
    paul = browser_of(other)
    bearer: Any = {"authorization": f"Bearer {key}"}
    assert post(SCORE | {"external_id": "r"}).status_code == 409
    assert Client().delete(f"{URL}/{ritas['id']}", headers=bearer).status_code == 403
    assert paul.delete(f"{URL}/{ritas['id']}").status_code == 403
    assert paul.delete(f"{URL}/{agents['id']}").status_code == 403
    assert Score.objects.count() == 2
    assert reviewer.delete(f"{URL}/{ritas['id']}").status_code == 204
    assert Client().delete(f"{URL}/{agents['id']}", headers=bearer).status_code == 204
    assert not Score.objects.exists()
    assert AuditEvent.objects.filter(action="score.remove").count() == 1


def test_scores_of_other_projects_do_not_exist(post: Call, other_project: Project, ask: Call) -> None:
    mine = post(SCORE).json()
    theirs: Any = {"authorization": f"Bearer {key_of(other_project, Scope.TELEMETRY_WRITE, Scope.TELEMETRY_READ)}"}
    assert Client().delete(f"{URL}/{mine['id']}", headers=theirs).status_code == 404
    assert Client().get(URL, headers=theirs).json()["results"] == []
    assert Client().get(URL, {"trace_id": TRACE}, headers=theirs).json()["results"] == []
    assert len(ask("scores", trace_id=TRACE).json()["results"]) == 1


def test_each_scope_and_role_gets_what_it_may(project: Project, page: Client, at_noon: None) -> None:
    for scope, status in ((Scope.TELEMETRY_READ, 403), (Scope.FEEDBACK_READ, 403), (Scope.TELEMETRY_WRITE, 201)):
        headers: Any = {"authorization": f"Bearer {key_of(project, scope)}"}
        assert Client().post(URL, SCORE, content_type="application/json", headers=headers).status_code == status
    assert page.post(f"{URL}?project=fleet", SCORE, content_type="application/json").status_code == 403
    assert page.get(f"{URL}?project=fleet").status_code == 200
    assert page.delete(f"{URL}/{Score.objects.get().pk}").status_code == 403


def test_pages_show_every_score_once_newest_first(post: Call, ask: Call) -> None:
    post([SCORE | {"name": f"n{index}"} for index in range(7)])
    post(SCORE | {"trace_id": "1" * 32, "name": "other"})
    found: list[str] = []
    answer = ask("scores", trace_id=TRACE, limit=3).json()
    while True:
        found += [row["name"] for row in answer["results"]]
        if not answer["next"]:
            break
        answer = ask("scores", trace_id=TRACE, limit=3, cursor=answer["next"].partition("cursor=")[2]).json()
    assert found == [f"n{index}" for index in range(6, -1, -1)]
    assert ask("scores").json()["results"][0]["name"] == "other"


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ({"trace_id": "x"}, 422, "trace_id"),
        ({"limit": "0"}, 422, "limit"),
        ({"cursor": "!"}, 400, "cursor"),
        ({"cursor": "WyJhIl0"}, 400, "cursor"),
    ],
)
def test_a_bad_parameter_of_the_list_is_named(ask: Call, query: dict[str, str], status: int, field: str) -> None:
    answer = ask("scores", **query)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field)


def test_a_trace_carries_its_scores_and_each_span_its_own(sending: Sending, post: Call, ask: Call) -> None:
    root = sending.agent()
    call = sending.call(root)
    sending.send([root, call])
    about = {"trace_id": root.trace_id.hex(), "value": 1}
    url = f"traces/{root.trace_id.hex()}"
    ask(url)
    with CaptureQueriesContext(connection) as before:
        ask(url)
    post([about | {"name": "whole"}, *(about | {"name": "part", "span_id": call.span_id.hex()} for _ in range(5))])
    with CaptureQueriesContext(connection) as after:
        body = ask(url).json()
    assert [score["name"] for score in body["scores"]] == ["whole"]
    assert {span["name"]: len(span["scores"]) for span in body["spans"]} == {root.name: 0, call.name: 5}
    assert len(before) == len(after)
