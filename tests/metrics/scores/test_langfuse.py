"""Langfuse's own client, as it comes from PyPI, gives scores and reads them back; and the shapes of older ones."""

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from langfuse import Langfuse
from langfuse.api.core import ApiError
from opentelemetry.sdk.trace import TracerProvider

from agents.models import ApiKey, Membership, Project, User, api_key
from agents.models.credential import digest, new_secret
from agents.permissions import Scope
from metrics.models import Score, ScoreConfig
from tests.metrics.sending import NOW

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
URL = "/api/public/scores"
BOTH = (Scope.TELEMETRY_WRITE, Scope.TELEMETRY_READ)
Call = Callable[..., Any]


def basic(project: Project, *scopes: Scope) -> dict[str, Any]:
    """The header of its SDKs: Basic, public key and secret key."""
    return {"authorization": "Basic " + base64.b64encode(f"pk-lf-1:{secret_of(project, *scopes)}".encode()).decode()}


def secret_of(project: Project, *scopes: Scope) -> str:
    secret = new_secret(api_key.PREFIX)
    ApiKey.objects.create(project=project, name="langfuse", secret_hash=digest(secret), scopes=list(scopes))
    return secret


@pytest.fixture
def langfuse(live_server: Any, project: Project) -> Iterator[Langfuse]:
    """Its client, with nothing changed but address and keys, and that it does not make itself the process's tracer:

    spans of later tests would go to a server that is no longer there, again and again.
    """
    tracing = TracerProvider()
    client = Langfuse(
        public_key=f"pk-lf-{project.pk}",
        secret_key=secret_of(project, *BOTH),
        base_url=live_server.url,
        flush_at=5,
        tracer_provider=tracing,
    )
    yield client
    client.shutdown()
    tracing.shutdown()


@pytest.fixture
def send(project: Project, at_noon: None) -> Call:
    headers = basic(project, *BOTH)

    def call(method: str, url: str = URL, body: Any = None, **query: Any) -> Any:
        if method == "GET":
            return Client().get(url, query, headers=headers)
        if method == "DELETE":
            return Client().delete(url, headers=headers)
        return Client().post(url, body, content_type="application/json", headers=headers)

    return call


@pytest.mark.django_db(transaction=True)
def test_its_client_gives_scores_of_all_types_and_reads_them_back(langfuse: Langfuse, project: Project) -> None:
    assert langfuse.auth_check()
    about: dict[str, Any] = {"trace_id": TRACE}
    langfuse.create_score(**about, name="accuracy", value=0.9, data_type="NUMERIC", comment="Mostly", score_id="s-1")
    langfuse.create_score(**about, observation_id=SPAN, name="tone", value="warm", data_type="CATEGORICAL")
    langfuse.create_score(**about, name="solved", value=1, data_type="BOOLEAN", metadata={"by": "rule"})
    langfuse.create_score(**about, name="note", value="Should have asked first.", data_type="TEXT")
    langfuse.create_score(session_id="s-17", name="satisfied", value=4)
    langfuse.flush()
    langfuse.create_score(**about, name="accuracy", value=0.5, data_type="NUMERIC", score_id="s-1")
    langfuse.flush()
    stored = {score.name: (score.value, score.label, score.data_type) for score in Score.objects.all()}
    assert stored == {
        "accuracy": (0.5, "", "numeric"),
        "tone": (None, "warm", "categorical"),
        "solved": (1.0, "", "boolean"),
        "note": (None, "Should have asked first.", "text"),
        "satisfied": (4.0, "", ""),
    }
    scores = langfuse.api.scores
    found = scores.get_many(trace_id=TRACE, fields="details,subject")
    told = {score.name: (score.data_type, score.value) for score in found.data}
    assert told == {
        "accuracy": ("NUMERIC", 0.5),
        "tone": ("CATEGORICAL", "warm"),
        "solved": ("BOOLEAN", True),
        "note": ("TEXT", "Should have asked first."),
    }
    (tone,) = (score for score in found.data if score.name == "tone")
    assert tone.subject is not None
    assert (tone.subject.kind, tone.subject.id) == ("observation", SPAN)
    scores.delete("s-1")
    assert [score.name for score in scores.get_many(name="accuracy").data] == []


@pytest.mark.django_db(transaction=True)
def test_its_client_pages_by_cursors(langfuse: Langfuse) -> None:
    for number in range(7):
        langfuse.create_score(trace_id=TRACE, name=f"n{number}", value=number)
    langfuse.flush()
    names: list[str] = []
    cursor = None
    while True:
        page = langfuse.api.scores.get_many(limit=3, cursor=cursor)
        names += [score.name for score in page.data]
        cursor = page.meta.cursor
        if not cursor:
            break
    assert sorted(names) == [f"n{number}" for number in range(7)]
    with pytest.raises(ApiError):
        langfuse.api.scores.get_many(environment="production")


def test_of_a_list_what_is_fine_is_stored_and_the_rest_is_said(send: Call, project: Project) -> None:
    ScoreConfig.objects.create(
        project=project, name="rating", data_type="numeric", max_value=5, created_at=NOW, updated_at=NOW
    )
    fine = {"traceId": TRACE, "name": "rating", "value": 5, "id": "a"}
    body = [
        fine,
        fine | {"id": "b", "value": 9},
        {"name": "x", "value": 1},
        fine | {"id": "c", "dataType": "CORRECTION"},
    ]
    answer = send("POST", body=body)
    assert answer.status_code == 207
    told = answer.json()
    assert (told["accepted"], told["rejected"]) == (1, 3)
    messages = "; ".join(error["message"] for error in told["errors"])
    for said in ("rating is at most 5", "[2].traceId", "[3].dataType"):
        assert said in messages
    assert [score.external_id for score in Score.objects.all()] == ["langfuse:a"]
    assert send("POST", body=[fine]).json() == {"message": "Accepted"}
    assert Score.objects.count() == 1


def test_one_score_is_answered_with_its_id_and_read_by_it(send: Call) -> None:
    made = send("POST", body={"traceId": TRACE, "name": "tone", "value": "warm", "comment": "Ana ana@example.com"})
    told = send("GET", f"{URL}/{made.json()['id']}").json()
    assert (told["value"], told["stringValue"], told["dataType"]) == (None, "warm", "CATEGORICAL")
    assert (told["traceId"], told["source"]) == (TRACE, "API")
    assert "ana@example.com" not in told["comment"]
    assert send("GET", f"/api/public/v2/scores/{made.json()['id']}").json() == told
    assert send("DELETE", f"{URL}/{made.json()['id']}").status_code == 204
    assert send("GET", f"{URL}/{made.json()['id']}").status_code == 404


@pytest.mark.parametrize("url", [URL, "/api/public/v2/scores"])
def test_lists_have_pages_with_totals(send: Call, url: str) -> None:
    send("POST", body=[{"traceId": TRACE, "name": f"n{number}", "value": number} for number in range(5)])
    told = send("GET", url, page=2, limit=2).json()
    assert told["meta"] == {"page": 2, "limit": 2, "totalItems": 5, "totalPages": 3}
    assert len(told["data"]) == 2
    assert [row["name"] for row in send("GET", url, name="n3").json()["data"]] == ["n3"]


@pytest.mark.parametrize(
    "query", [{"page": "0"}, {"limit": "101"}, {"page": "5000", "limit": "100"}, {"traceId": "x"}, {"userId": "u"}]
)
def test_a_list_never_tells_more_than_was_asked_for(send: Call, query: dict[str, str]) -> None:
    assert send("GET", **query).status_code == 400


def test_scores_of_another_project_do_not_exist(send: Call, other_project: Project) -> None:
    send("POST", body=[{"traceId": TRACE, "name": "n", "value": 1, "id": "mine"}])
    theirs = basic(other_project, *BOTH)
    assert Client().get(f"{URL}/mine", headers=theirs).status_code == 404
    assert Client().get(f"{URL}/{Score.objects.get().pk}", headers=theirs).status_code == 404
    assert Client().get(f"{URL}/{'9' * 5_000}", headers=theirs).status_code == 404
    assert Client().delete(f"{URL}/mine", headers=theirs).status_code == 404
    for list_of in (URL, "/api/public/v2/scores", "/api/public/v3/scores"):
        assert Client().get(list_of, headers=theirs).json()["data"] == []
    answer = Client().post(
        URL, [{"traceId": TRACE, "name": "n", "value": 2, "id": "mine"}], "application/json", headers=theirs
    )
    assert answer.status_code == 202
    assert Score.objects.count() == 2


def test_keys_need_their_scopes_and_do_not_touch_what_people_gave(send: Call, project: Project) -> None:
    for scopes, wanted in (((Scope.TELEMETRY_WRITE,), (202, 403)), ((Scope.TELEMETRY_READ,), (403, 200))):
        headers = basic(project, *scopes)
        body = [{"traceId": TRACE, "name": "n", "value": 1}]
        posted = Client().post(URL, body, content_type="application/json", headers=headers)
        assert (posted.status_code, Client().get(URL, headers=headers).status_code) == wanted
    rita = User.objects.create_user("rita@example.org", name="Rita")
    Membership.objects.create(user=rita, project=project, role="reviewer")
    Score.objects.create(
        project=project, trace_id=bytes.fromhex(TRACE), name="n", value=1, source="human", author="Rita",
        author_user=rita, external_id="langfuse:r", created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    assert send("POST", body=[{"traceId": TRACE, "name": "n", "value": 2, "id": "r"}]).json()["rejected"] == 1
    assert send("DELETE", f"{URL}/r").status_code == 403
    assert send("GET", f"{URL}/r").json()["source"] == "ANNOTATION"


def test_too_many_and_too_large_are_refused(send: Call) -> None:
    assert send("POST", body=[{}] * 501).status_code == 400
    assert send("POST", body=[{"comment": "x" * 5_000_000}]).status_code == 413
    assert not Score.objects.exists()
